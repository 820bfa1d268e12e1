"""The lease: a worker's right to write to its run, and all that it writes.

A lease is good for `watch.LEASE_SECONDS`, renewed by everything the worker writes and by its heartbeat. Each claim gets
a larger token, and so does each resumption or cancellation that takes the run away, and a write takes effect only with
the current token (a fencing token, as in Kleppmann, "How to do distributed locking", 2016): a worker that was given up
but comes back raises `LeaseLost` and changes nothing.

While the database cannot be used, a write waits for it (`explorer.runs.holding.patience`) as long as the token may
still be good. Whether a write took effect is unknown when the connection breaks at its end, so one that is tried again
first looks for what it would do.
"""

import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, func, insert, select, update

from explorer.errors import RunError
from explorer.runs.artifacts import ArtifactStore
from explorer.runs.database import Database, Unavailable
from explorer.runs.holding import watch
from explorer.runs.holding.clock import now
from explorer.runs.holding.patience import patiently
from explorer.runs.keeping import checkpoints, references
from explorer.runs.keeping.checkpoints import Saved
from explorer.runs.plain import encode, plain
from explorer.runs.rows import ended, remarked, row_of
from explorer.runs.run import Status
from explorer.runs.schema import points, runs

T = TypeVar("T")


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
        """Show a sign of life, now or not at all; whether the run is to be stopped."""
        with self._database.writing() as connection:
            self._write(connection)
            return bool(row_of(connection, self.run_id).status == "cancelling")

    def report(self, fraction: float, message: str = "", *, wait: float | None = None) -> None:
        """Record how far the run is, 0 to 1, and what it is doing, now or not at all.

        Args:
            wait: for SQLite's lock, where that is shorter than usual; in seconds.
        """
        with self._database.writing(wait=wait) as connection:
            self._write(connection, **_progress(fraction, message))

    def note(self, **values: str) -> None:
        """Record texts about the run in columns of their own, such as its provenance."""
        with self._database.writing() as connection:
            self._write(connection, **values)

    def append(self, series: str, point: Mapping[str, Any]) -> None:
        """Add a point to a series of the run."""
        content = encode(dict(point), f"a point of {series!r}")
        mine = (points.c.run_id == self.run_id, points.c.series == series)
        tried: int | None = None

        def write(connection: Connection) -> None:
            nonlocal tried
            self._write(connection)
            if tried is not None:
                there = select(points.c.point).where(*mine, points.c.n == tried)
                if connection.scalar(there) == content:
                    return
            tried = (connection.scalar(select(func.max(points.c.n)).where(*mine)) or 0) + 1
            row = {"run_id": self.run_id, "series": series, "n": tried, "point": content}
            connection.execute(insert(points).values(row))

        self._patiently(write)

    def keep(self, name: str, data: bytes) -> str:
        """Keep an artifact with the run, in place of an earlier one of that name; its SHA-256."""
        if name in checkpoints.NAMES:
            raise RunError(f"The name {name!r} is taken by the run's checkpoint; use another.")
        sha256 = self._artifacts.put_bytes(data)

        def write(connection: Connection) -> set[str]:
            self._write(connection)
            return references.refer(connection, self._artifacts, self.run_id, name, data, sha256)

        self._let_go(self._patiently(write))
        return sha256

    def checkpoint(
        self, data: bytes, state: Mapping[str, Any], progress: tuple[float, str] | None = None
    ) -> str:
        """Record what the run can be resumed from; the data's SHA-256. The checkpoint before is kept too.

        Args:
            progress: how far the run is and what it is doing, if that is to be recorded too.
        """
        own = plain(dict(state), "the checkpoint's state")
        sha256 = self._artifacts.put_bytes(data)
        mark = secrets.token_hex(8)

        def write(connection: Connection) -> set[str]:
            self._write(connection, **({} if progress is None else _progress(*progress)))
            row = row_of(connection, self.run_id)
            there = checkpoints.decoded(row.checkpoint)
            if there is not None and there.mark == mark:
                return set()
            longest = select(points.c.series, func.max(points.c.n)).where(points.c.run_id == self.run_id)
            lengths = {row.series: row[1] for row in connection.execute(longest.group_by(points.c.series))}
            saved = Saved(own, sha256, lengths, row.fraction, row.message, mark)
            values, unused = checkpoints.pushed(connection, self._artifacts, row, saved, data)
            self._write(connection, **values)
            return unused

        self._let_go(self._patiently(write))
        return sha256

    def go_back(self, saved: Saved | None, remark: str) -> None:
        """Go on from an earlier checkpoint, or from the start, for the reason that the sentence ``remark`` gives."""

        def write(connection: Connection) -> set[str]:
            self._write(connection)
            row = row_of(connection, self.run_id)
            values, unused = checkpoints.returned(connection, row, saved)
            self._write(connection, **values, remark=remarked(row, remark))
            return unused

        self._let_go(self._patiently(write))

    def finish(self, result: Mapping[str, Any]) -> None:
        """The run is done, with this result. Its checkpoints are not needed any more."""
        content = encode(dict(result), "the result")
        self._end("done", fraction=1.0, result=content, **dict.fromkeys(checkpoints.NAMES))

    def measured(self, peak: int) -> None:
        """Record how many bytes of memory the worker held at most."""
        self._patiently(lambda connection: self._write(connection, peak_memory=peak))

    def fail(self, message: str, patience: float | None = None) -> None:
        """The run failed, for the reason that the sentence ``message`` gives; ``patience`` as of `stopped`."""
        self._end("failed", patience, error=message)

    def stopped(self, patience: float | None = None) -> None:
        """The run stopped because it was asked to.

        Args:
            patience: with a database that cannot be used now, where that is less than usual; in seconds.
        """
        self._end("cancelled", patience)

    def _end(self, status: Status, patience: float | None = None, **values: Any) -> None:
        tried = False

        def write(connection: Connection) -> set[str]:
            nonlocal tried
            if tried and self._has_ended(connection, status, values):
                return set()
            tried = True
            self._write(connection, **ended(status), **values)
            names = checkpoints.NAMES if status == "done" else ()
            return references.forget(connection, self.run_id, *names) if names else set()

        self._let_go(self._patiently(write, patience))

    def _has_ended(self, connection: Connection, status: Status, values: Mapping[str, Any]) -> bool:
        """Whether this very end was recorded, and nothing since."""
        that = (runs.c.id == self.run_id, runs.c.token == self.token + 1, runs.c.status == status)
        row = connection.execute(select(runs).where(*that)).one_or_none()
        return row is not None and all(row._mapping[name] == value for name, value in values.items())

    def _patiently(self, write: Callable[[Connection], T], limit: float | None = None) -> T:
        def attempt() -> T:
            with self._database.writing() as connection:
                return write(connection)

        return patiently(attempt, limit=limit)

    def _let_go(self, hashes: set[str]) -> None:
        """Remove those of these files that no run refers to; what cannot be done now, a later sweep does."""
        with suppress(Unavailable):
            references.sweep(self._database, self._artifacts, hashes)

    def _write(self, connection: Connection, **values: Any) -> None:
        """Change the run if the lease holds, and renew it; else LeaseLost, which undoes the transaction."""
        mine = (runs.c.id == self.run_id, runs.c.token == self.token)
        held = update(runs).where(*mine, runs.c.status.in_(("running", "cancelling")))
        renewed = {"expires": now() + watch.LEASE_SECONDS} | values
        if not connection.execute(held.values(renewed)).rowcount:
            raise LeaseLost(f"Run {self.run_id} is not this worker's any more; nothing was written.")


def _progress(fraction: float, message: str) -> dict[str, Any]:
    return {"fraction": min(max(float(fraction), 0.0), 1.0), "message": message}
