"""What people say of a run: a name, a note, tags; and since when it is deleted, while that can be undone."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("runs", sa.Column("name", sa.Text))
    op.add_column("runs", sa.Column("note", sa.Text))
    op.add_column("runs", sa.Column("tags", sa.Text))
    op.add_column("runs", sa.Column("deleted", sa.Float))
