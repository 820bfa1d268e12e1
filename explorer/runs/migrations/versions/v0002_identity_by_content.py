"""Identities of contents: where a study was is no part of them any more.

Runs that were told apart by the study's place alone now ask the same. The one that was finished last answers, or the
last one asked for where none is finished; the others keep their old identity, by which nobody asks, and say which run
answers in their place. Ids stay.
"""

import hashlib
import json
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_LIVE = ("queued", "running", "cancelling")


def upgrade() -> None:
    op.add_column("runs", sa.Column("fingerprint", sa.Text, nullable=False, server_default=""))
    op.add_column("runs", sa.Column("superseded_by", sa.String(12)))
    op.create_index("runs_by_content", "runs", ["fingerprint", "kind"])
    names = ("id", "identity", "spec", "status", "created", "finished", "fingerprint", "superseded_by")
    runs = sa.table("runs", *map(sa.column, names))
    connection = op.get_bind()
    same: defaultdict[str, list[Any]] = defaultdict(list)
    for row in connection.execute(sa.select(runs)).all():
        spec = json.loads(row.spec)
        same[_identity(spec)].append(row)
        known = sa.update(runs).where(runs.c.id == row.id)
        connection.execute(known.values(fingerprint=spec["fingerprint"]))
    for identity, rows in same.items():
        first = max(rows, key=_precedence)
        connection.execute(sa.update(runs).where(runs.c.id == first.id).values(identity=identity))
        others = [row.id for row in rows if row.id != first.id]
        connection.execute(sa.update(runs).where(runs.c.id.in_(others)).values(superseded_by=first.id))


def _identity(spec: dict[str, Any]) -> str:
    content = {key: value for key, value in spec.items() if key != "study"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _precedence(row: Any) -> tuple[bool, bool, float]:
    done = row.status == "done"
    return done, row.status in _LIVE, row.finished if done else row.created
