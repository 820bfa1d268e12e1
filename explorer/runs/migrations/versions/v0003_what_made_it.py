"""What made a run's numbers, who asked for it and within which limits, and a second checkpoint to fall back to."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("runs", sa.Column("owner", sa.Text))
    op.add_column("runs", sa.Column("priority", sa.Integer, nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("time_limit", sa.Float))
    op.add_column("runs", sa.Column("peak_memory", sa.BigInteger))
    op.add_column("runs", sa.Column("parts", sa.Text))
    op.add_column("runs", sa.Column("provenance", sa.Text))
    op.add_column("runs", sa.Column("checkpoint_before", sa.Text))
    op.add_column("runs", sa.Column("remark", sa.Text))
    op.create_index("runs_by_status", "runs", ["status"])
