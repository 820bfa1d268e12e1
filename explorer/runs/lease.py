"""The lease: a worker's right to write to its run, and all that it writes.

A lease is good for `LEASE_SECONDS`, renewed by everything the worker writes and by its heartbeat. Each claim gets a
larger token, and so does each resumption or cancellation that takes the run away, and a write takes effect only with
the current token (a fencing token, as in Kleppmann, "How to do distributed locking", 2016): a worker that was given up
but comes back raises `LeaseLost` and changes nothing. Workers on several machines need clocks that agree to a few
seconds.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from explorer.errors import RunError
from explorer.runs.artifacts import ArtifactStore
from explorer.runs.database import Database
from explorer.runs.keeping import checkpoints, references
from explorer.runs.keeping.checkpoints import Saved
from explorer.runs.plain import encode, plain
from explorer.runs.rows import ended, remarked, row_of
from explorer.runs.schema import points, runs

LEASE_SECONDS = 15.0


class LeaseLost(RunError):
    """The run was given to another worker, cancelled, or deleted; what was to be written was not."""


@dataclass(frozen=True)
class Lease:
    """The right to write to a run, until it changes hands. Every call renews it, or raises `LeaseLost`."""

    run_id: str
    token: int
    _database: Database = field(repr=False)
    _artifacts: ArtifactStore = field(repr=False)

    def heartbeat(self) -> bool:
        """Show a sign of life; whether the run is to be stopped."""
        with self._database.writing() as connection:
            self._write(connection)
            return bool(row_of(connection, self.run_id).status == "cancelling")

    def report(self, fraction: float, message: str = "") -> None:
        """Record how far the run is, 0 to 1, and what it is doing."""
        with self._database.writing() as connection:
            self._write(connection, fraction=min(max(float(fraction), 0.0), 1.0), message=message)

    def note(self, **values: str) -> None:
        """Record texts about the run in columns of their own, such as its provenance."""
        with self._database.writing() as connection:
            self._write(connection, **values)

    def append(self, series: str, point: Mapping[str, Any]) -> None:
        """Add a point to a series of the run."""
        content = encode(dict(point), f"a point of {series!r}")
        with self._database.writing() as connection:
            self._write(connection)
            mine = (points.c.run_id == self.run_id, points.c.series == series)
            last = connection.scalar(select(func.max(points.c.n)).where(*mine)) or 0
            row = {"run_id": self.run_id, "series": series, "n": last + 1, "point": content}
            connection.execute(insert(points).values(row))

    def keep(self, name: str, data: bytes) -> str:
        """Keep an artifact with the run, in place of an earlier one of that name; its SHA-256."""
        if name in checkpoints.NAMES:
            raise RunError(f"The name {name!r} is taken by the run's checkpoint; use another.")
        sha256 = self._artifacts.put_bytes(data)
        with self._database.writing() as connection:
            self._write(connection)
            unused = references.refer(connection, self._artifacts, self.run_id, name, data, sha256)
        references.sweep(self._database, self._artifacts, unused)
        return sha256

    def checkpoint(self, data: bytes, state: Mapping[str, Any]) -> str:
        """Record what the run can be resumed from; the data's SHA-256. The checkpoint before is kept too."""
        own = plain(dict(state), "the checkpoint's state")
        sha256 = self._artifacts.put_bytes(data)
        with self._database.writing() as connection:
            self._write(connection)
            now = row_of(connection, self.run_id)
            longest = select(points.c.series, func.max(points.c.n)).where(points.c.run_id == self.run_id)
            lengths = connection.execute(longest.group_by(points.c.series))
            saved = Saved(own, sha256, {row.series: row[1] for row in lengths}, now.fraction, now.message)
            values, unused = checkpoints.pushed(connection, self._artifacts, now, saved, data)
            self._write(connection, **values)
        references.sweep(self._database, self._artifacts, unused)
        return sha256

    def go_back(self, saved: Saved | None, remark: str) -> None:
        """Go on from an earlier checkpoint, or from the start, for the reason that the sentence ``remark`` gives."""
        with self._database.writing() as connection:
            self._write(connection)
            now = row_of(connection, self.run_id)
            values, unused = checkpoints.returned(connection, now, saved)
            self._write(connection, **values, remark=remarked(now, remark))
        references.sweep(self._database, self._artifacts, unused)

    def finish(self, result: Mapping[str, Any]) -> None:
        """The run is done, with this result. Its checkpoints are not needed any more."""
        content = encode(dict(result), "the result")
        with self._database.writing() as connection:
            none = dict.fromkeys(checkpoints.NAMES)
            self._write(connection, **ended("done"), fraction=1.0, result=content, **none)
            unused = references.forget(connection, self.run_id, *checkpoints.NAMES)
        references.sweep(self._database, self._artifacts, unused)

    def fail(self, message: str) -> None:
        """The run failed, for the reason that the sentence ``message`` gives."""
        with self._database.writing() as connection:
            self._write(connection, **ended("failed"), error=message)

    def stopped(self) -> None:
        """The run stopped because it was asked to."""
        with self._database.writing() as connection:
            self._write(connection, **ended("cancelled"))

    def _write(self, connection: Connection, **values: Any) -> None:
        """Change the run if the lease holds, and renew it; else LeaseLost, which undoes the transaction."""
        mine = (runs.c.id == self.run_id, runs.c.token == self.token)
        held = update(runs).where(*mine, runs.c.status.in_(("running", "cancelling")))
        renewed = {"expires": time.time() + LEASE_SECONDS} | values
        if not connection.execute(held.values(renewed)).rowcount:
            raise LeaseLost(f"Run {self.run_id} is not this worker's any more; nothing was written.")
