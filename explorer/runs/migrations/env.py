"""How Alembic runs the revisions: on the connection it is handed, inside the transaction already open there."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
