"""Which runs refer to which artifacts, so that a file goes when the last run that needs it lets go.

A file is put first and referred to second; it is removed only after its reference is gone for good. Between the
two, another run may come to need the same content, so both sides work under one lock: on SQLite every writing
transaction is alone, elsewhere they lock the one row that every database of ours has.
"""

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select, text

from explorer.runs.artifacts import ArtifactStore
from explorer.runs.database import Database
from explorer.runs.schema import artifacts as kept


def refer(
    connection: Connection, artifacts: ArtifactStore, run_id: str, name: str, data: bytes, sha256: str
) -> set[str]:
    """Let the run keep ``data``, already put, under ``name``; the hashes it referred to by that name before."""
    lock(connection)
    before = forget(connection, run_id, name)
    connection.execute(insert(kept).values(run_id=run_id, name=name, sha256=sha256))
    if not artifacts.has(sha256):  # swept as another run's leftover since it was put
        artifacts.put_bytes(data)
    return before - {sha256}


def forget(connection: Connection, run_id: str, *names: str) -> set[str]:
    """Drop the run's references by these names, or all; the hashes that were referred to."""
    mine = [kept.c.run_id == run_id]
    if names:
        mine.append(kept.c.name.in_(names))
    hashes = set(connection.scalars(select(kept.c.sha256).where(*mine)))
    connection.execute(delete(kept).where(*mine))
    return hashes


def sweep(database: Database, artifacts: ArtifactStore, hashes: Iterable[str]) -> None:
    """Remove those of these files that no run refers to."""
    if not hashes:
        return
    with database.writing() as connection:
        lock(connection)
        for sha256 in hashes:
            if connection.scalar(select(func.count()).where(kept.c.sha256 == sha256)) == 0:
                artifacts.remove(sha256)


def lock(connection: Connection) -> None:
    """Let no other holder of this lock in until the transaction ends."""
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT version_num FROM alembic_version FOR UPDATE"))
