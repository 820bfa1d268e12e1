"""Alembic's revisions of the store's tables; `database.open_engine` applies them."""
