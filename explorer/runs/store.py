"""The store: every run that was asked for, in one database; the app and the workers meet only here.

A worker holds a run by a lease: good for `LEASE_SECONDS`, renewed by everything the worker writes and by its
heartbeat. Each claim gets a larger token, and so does each resumption or cancellation that takes the run away,
and a write takes effect only with the current token (a fencing token, as in Kleppmann, "How to do distributed
locking", 2016): a worker that was given up but comes back raises `LeaseLost` and changes nothing. Workers on
several machines need clocks that agree to a few seconds.

There is no limit on how many runs work at once; whoever launches them decides.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Row, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from explorer import places
from explorer.errors import RunError
from explorer.runs import kept, process
from explorer.runs.artifacts import Artifacts
from explorer.runs.database import Database
from explorer.runs.plain import decode, encode, plain
from explorer.runs.run import Run, from_row, status, worker_lives
from explorer.runs.schema import artifacts, points, runs
from explorer.runs.spec import RunSpec

LEASE_SECONDS = 15.0
STARTUP_SECONDS = 120.0  # how long a launched worker on another machine may take until it claims its run
CHECKPOINT = "checkpoint"  # the name under which a run keeps its checkpoint's tensors


class LeaseLost(RunError):
    """The run was given to another worker, cancelled, or deleted; what was to be written was not."""


@dataclass(frozen=True)
class Lease:
    """The right to write to a run, until it changes hands."""

    run_id: str
    token: int


class Store:
    """Runs, points and artifacts under one address. Safe to share between threads; open one a process."""

    def __init__(self, database: Database, home: Path, *, url: str | None = None) -> None:
        self.home = home
        self.artifacts = Artifacts(home / "artifacts")
        self._database = database
        self._url = url

    @classmethod
    def open(cls, url: str | None = None, *, home: str | Path | None = None) -> "Store":
        """The store at ``url``, made or brought up to date if need be.

        Defaults: `places.home` for the folder of artifacts and logs, and EXPLORER_DATABASE or the SQLite file
        runs.db in that folder for the database.
        """
        path = places.home(home)
        address = url or os.environ.get("EXPLORER_DATABASE") or None
        default = URL.create("sqlite", database=str(path / "runs.db"))
        return cls(Database(address or default), path, url=address)

    def close(self) -> None:
        """Let go of the database's connections."""
        self._database.close()

    def environment(self) -> dict[str, str]:
        """The environment variables with which another process opens this same store."""
        return {"EXPLORER_HOME": str(self.home), "EXPLORER_DATABASE": self._url or ""}

    def log_path(self, run_id: str) -> Path:
        """Where the worker's output goes."""
        return self.home / "logs" / f"{run_id}.log"

    # Asking

    def submit(self, spec: RunSpec, title: str = "") -> Run:
        """The run that answers ``spec``: the one there is, in whatever state, or a new one, queued.

        A run whose study has moved is told where it is now.
        """
        known = self._asked(spec)
        if known is not None:
            return known
        row = {
            "id": spec.run_id,
            "identity": spec.identity,
            "kind": spec.kind,
            "fingerprint": spec.fingerprint,
            **_located(spec, spec.study),
            "title": title,
            "status": "queued",
            "fraction": 0.0,
            "message": "",
            "created": time.time(),
            "token": 0,
        }
        try:
            with self._database.writing() as connection:
                connection.execute(insert(runs).values(row))
        except IntegrityError:  # submitted by someone else just now
            known = self._asked(spec)
            if known is None:
                raise
            return known
        return self.get(spec.run_id)

    def find(self, spec: RunSpec) -> Run | None:
        """The run that answers ``spec``, if it was ever submitted."""
        found = self._read(runs.c.identity == spec.identity)
        return found[0] if found else None

    def get(self, run_id: str) -> Run:
        """The run with this id; RunError if there is none."""
        found = self._read(runs.c.id == run_id)
        if not found:
            raise RunError(f"There is no run {run_id!r}; it may have been deleted.")
        return found[0]

    def list(self, *, fingerprint: str | None = None, kind: str | None = None) -> tuple[Run, ...]:
        """All runs, or those of a kind or on a study as it is (its fingerprint); the newest first."""
        conditions = []
        if fingerprint is not None:
            conditions.append(runs.c.fingerprint == fingerprint)
        if kind is not None:
            conditions.append(runs.c.kind == kind)
        return self._read(*conditions)

    def points(self, run_id: str, series: str, after: int = 0) -> tuple[dict[str, Any], ...]:
        """The points of a series in order, without the first ``after`` of them."""
        query = select(points.c.point).where(
            points.c.run_id == run_id, points.c.series == series, points.c.n > after
        )
        with self._database.reading() as connection:
            return tuple(decode(point) for point in connection.scalars(query.order_by(points.c.n)))

    # Working: every call needs the lease and renews it

    def claim(self, run_id: str, *, detached: bool = False) -> Lease:
        """Take a queued run for this process; RunError if it is not queued or someone was faster.

        ``detached`` says that this process leads a group of its own and works on nothing else, so that it may
        be ended by signals.
        """
        claimed = update(runs).where(runs.c.id == run_id, runs.c.status == "queued")
        with self._database.writing() as connection:
            now = time.time()
            changed = connection.execute(
                claimed.values(
                    status="running",
                    token=runs.c.token + 1,
                    started=now,
                    finished=None,
                    error=None,
                    expires=now + LEASE_SECONDS,
                    detached=detached,
                    **_worker(os.getpid()),
                )
            )
            if changed.rowcount:
                return Lease(run_id, self._row(connection, run_id).token)
        raise RunError(f"Run {run_id} cannot be claimed: it is {self.get(run_id).status}, not queued.")

    def heartbeat(self, lease: Lease) -> bool:
        """Show a sign of life; whether the run is to be stopped."""
        with self._database.writing() as connection:
            self._write(connection, lease)
            return bool(self._row(connection, lease.run_id).status == "cancelling")

    def report(self, lease: Lease, fraction: float, message: str = "") -> None:
        """Record how far the run is, 0 to 1, and what it is doing."""
        with self._database.writing() as connection:
            self._write(connection, lease, fraction=min(max(float(fraction), 0.0), 1.0), message=message)

    def append(self, lease: Lease, series: str, point: Mapping[str, Any]) -> None:
        """Add a point to a series of the run."""
        content = encode(dict(point), f"a point of {series!r}")
        with self._database.writing() as connection:
            self._write(connection, lease)
            mine = (points.c.run_id == lease.run_id, points.c.series == series)
            last = connection.scalar(select(func.max(points.c.n)).where(*mine)) or 0
            row = {"run_id": lease.run_id, "series": series, "n": last + 1, "point": content}
            connection.execute(insert(points).values(row))

    def keep(self, lease: Lease, name: str, data: bytes) -> str:
        """Keep a file with the run, in place of an earlier one of that name; its SHA-256."""
        if name == CHECKPOINT:
            raise RunError(f"The name {CHECKPOINT!r} is taken by the run's checkpoint; use another.")
        sha256 = self.artifacts.put_bytes(data)
        with self._database.writing() as connection:
            self._write(connection, lease)
            unused = kept.refer(connection, self.artifacts, lease.run_id, name, data, sha256)
        kept.sweep(self._database, self.artifacts, unused)
        return sha256

    def checkpoint(self, lease: Lease, data: bytes, state: Mapping[str, Any]) -> str:
        """Record what the run can be resumed from, in place of the earlier checkpoint; the data's SHA-256."""
        saved: dict[str, Any] = {"state": plain(dict(state), "the checkpoint's state")}
        saved["sha256"] = sha256 = self.artifacts.put_bytes(data)
        with self._database.writing() as connection:
            self._write(connection, lease)
            now = self._row(connection, lease.run_id)
            saved |= {"fraction": now.fraction, "message": now.message}
            longest = select(points.c.series, func.max(points.c.n)).where(points.c.run_id == lease.run_id)
            lengths = connection.execute(longest.group_by(points.c.series))
            saved["lengths"] = {row.series: row[1] for row in lengths}
            self._write(connection, lease, checkpoint=encode(saved, "the checkpoint"))
            unused = kept.refer(connection, self.artifacts, lease.run_id, CHECKPOINT, data, sha256)
        kept.sweep(self._database, self.artifacts, unused)
        return sha256

    def last_checkpoint(self, run_id: str) -> tuple[str, dict[str, Any]] | None:
        """The SHA-256 of the last checkpoint's data and its state."""
        with self._database.reading() as connection:
            row = self._row(connection, run_id)
        if row.checkpoint is None:
            return None
        saved = decode(row.checkpoint)
        return saved["sha256"], saved["state"]

    def finish(self, lease: Lease, result: Mapping[str, Any]) -> None:
        """The run is done, with this result. Its checkpoint is not needed any more."""
        content = encode(dict(result), "the result")
        with self._database.writing() as connection:
            self._write(connection, lease, **_ended("done"), fraction=1.0, result=content, checkpoint=None)
            unused = kept.forget(connection, lease.run_id, CHECKPOINT)
        kept.sweep(self._database, self.artifacts, unused)

    def fail(self, lease: Lease, message: str) -> None:
        """The run failed, for the reason that the sentence ``message`` gives."""
        with self._database.writing() as connection:
            self._write(connection, lease, **_ended("failed"), error=message)

    def stopped(self, lease: Lease) -> None:
        """The run stopped because it was asked to."""
        with self._database.writing() as connection:
            self._write(connection, lease, **_ended("cancelled"))

    # Governing

    def launched(self, run: Run, pid: int) -> None:
        """Note the worker started for a queued run, so that its death before the claim is noticed."""
        unclaimed = (runs.c.id == run.id, runs.c.status == "queued", runs.c.token == run.token)
        with self._database.writing() as connection:
            values = _worker(pid) | {"expires": time.time() + STARTUP_SECONDS}
            connection.execute(update(runs).where(*unclaimed).values(values))

    def worker(self, run_id: str) -> tuple[int, str, bool] | None:
        """The live worker of a run on this machine: pid, birth, and whether it may be signalled."""
        with self._database.reading() as connection:
            row = self._row(connection, run_id)
        if row.pid is None or row.host != process.host() or not process.alive(row.pid, row.birth):
            return None
        return row.pid, row.birth, bool(row.detached)

    def cancel(self, run_id: str) -> Run:
        """Ask a run to stop, or take it away at once where nobody works on it. A finished one is left alone."""
        with self._database.writing() as connection:
            row = self._row(connection, run_id, lock=True)
            values: dict[str, Any] = {}
            if row.status == "running" and worker_lives(row):
                values = {"status": "cancelling"}
            elif row.status in ("queued", "running"):
                values = _ended("cancelled")
            if values:
                connection.execute(update(runs).where(runs.c.id == run_id).values(values))
        return self.get(run_id)

    def resume(self, run_id: str, *, study: str | None = None) -> Run:
        """Queue a lost, failed or cancelled run again; it will go on from its last checkpoint.

        Points recorded after that checkpoint are dropped, since they will be recorded again.

        Args:
            study: where the run's study is now, if that is known.
        """
        with self._database.writing() as connection:
            row = self._row(connection, run_id, lock=True)
            now = status(row)
            if now in ("running", "cancelling"):
                raise RunError(f"Run {run_id} is still {now}; stop it or wait before resuming it.")
            if now in ("lost", "failed", "cancelled"):
                saved = {} if row.checkpoint is None else decode(row.checkpoint)
                self._cut_points(connection, run_id, saved.get("lengths", {}))
                values = _unowned("queued") | {
                    "error": None,
                    "finished": None,
                    "fraction": saved.get("fraction", 0.0),
                    "message": saved.get("message", ""),
                }
                if study is not None:
                    values |= _located(RunSpec.model_validate(decode(row.spec)), study)
                connection.execute(update(runs).where(runs.c.id == run_id).values(values))
        return self.get(run_id)

    def delete(self, run_id: str) -> None:
        """Remove a run with its points, its log, and the files no other run uses; RunError while it works."""
        with self._database.writing() as connection:
            row = self._row(connection, run_id, lock=True)
            if row.status in ("running", "cancelling") and worker_lives(row):
                raise RunError(f"Run {run_id} is {status(row)}; stop it before deleting it.")
            unused = kept.forget(connection, run_id)
            connection.execute(delete(points).where(points.c.run_id == run_id))
            connection.execute(delete(runs).where(runs.c.id == run_id))
        kept.sweep(self._database, self.artifacts, unused)
        self.log_path(run_id).unlink(missing_ok=True)

    # Private

    def _asked(self, spec: RunSpec) -> Run | None:
        """The run that answers ``spec``, which from now on knows its study where the spec does."""
        run = self.find(spec)
        if run is None or run.spec.study == spec.study:
            return run
        with self._database.writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run.id).values(_located(spec, spec.study)))
        return self.get(run.id)

    def _read(self, *conditions: Any) -> tuple[Run, ...]:
        with self._database.reading() as connection:
            newest = select(runs).where(*conditions).order_by(runs.c.created.desc(), runs.c.id)
            rows = connection.execute(newest).all()
            files: dict[str, dict[str, str]] = {row.id: {} for row in rows}
            ids = select(runs.c.id).where(*conditions)
            for run_id, name, sha256 in connection.execute(
                select(artifacts).where(artifacts.c.run_id.in_(ids))
            ):
                if name != CHECKPOINT and run_id in files:
                    files[run_id][name] = sha256
        return tuple(from_row(row, files[row.id]) for row in rows)

    def _row(self, connection: Connection, run_id: str, *, lock: bool = False) -> Row[Any]:
        query = select(runs).where(runs.c.id == run_id)
        row = connection.execute(query.with_for_update() if lock else query).one_or_none()
        if row is None:
            raise RunError(f"There is no run {run_id!r}; it may have been deleted.")
        return row

    def _write(self, connection: Connection, lease: Lease, **values: Any) -> None:
        """Change the run if the lease holds, and renew it; else LeaseLost, which undoes the transaction."""
        mine = (runs.c.id == lease.run_id, runs.c.token == lease.token)
        held = update(runs).where(*mine, runs.c.status.in_(("running", "cancelling")))
        renewed = {"expires": time.time() + LEASE_SECONDS} | values
        if not connection.execute(held.values(renewed)).rowcount:
            raise LeaseLost(f"Run {lease.run_id} is not this worker's any more; nothing was written.")

    def _cut_points(self, connection: Connection, run_id: str, lengths: Mapping[str, int]) -> None:
        series_of_run = select(points.c.series).where(points.c.run_id == run_id).distinct()
        for series in connection.scalars(series_of_run).all():
            beyond = (points.c.series == series, points.c.n > lengths.get(series, 0))
            connection.execute(delete(points).where(points.c.run_id == run_id, *beyond))


def _located(spec: RunSpec, study: str) -> dict[str, Any]:
    """The spec with this locator of its study."""
    located = spec.model_copy(update={"study": study})
    return {"study": study, "spec": encode(located.model_dump(), "spec")}


def _worker(pid: int) -> dict[str, Any]:
    return {"host": process.host(), "pid": pid, "birth": process.birth(pid) or "gone"}


def _unowned(new_status: str) -> dict[str, Any]:
    """The run leaves its worker's hands: the larger token makes the old lease void."""
    nobody = {"host": None, "pid": None, "birth": None, "detached": None, "expires": None}
    return {"status": new_status, "token": runs.c.token + 1, **nobody}


def _ended(new_status: str) -> dict[str, Any]:
    return _unowned(new_status) | {"finished": time.time()}
