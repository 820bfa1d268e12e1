"""The store: every run that was asked for, in one database; the app and the workers meet only here.

Anyone may ask and govern. A worker claims a queued run and gets a `Lease`, by which it writes. Runs that nobody has
claimed wait in the `Queue`.
"""

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, delete, insert, select, update

from explorer import places
from explorer.errors import RunError
from explorer.runs import rows
from explorer.runs.artifacts import ArtifactDamaged, ArtifactFolder, ArtifactStore
from explorer.runs.database import Conflict, Database
from explorer.runs.holding import watch
from explorer.runs.holding.clock import now
from explorer.runs.holding.watch import Watch, worker_of
from explorer.runs.keeping import checkpoints, private, references, spoiling, sweeping
from explorer.runs.keeping.bundles import Bundles
from explorer.runs.keeping.checkpoints import Saved
from explorer.runs.keeping.shelf import THERE, Shelf
from explorer.runs.keeping.sweeping import Swept
from explorer.runs.lease import Lease
from explorer.runs.plain import decode, encode
from explorer.runs.queue import Queue
from explorer.runs.run import LIVE, Run
from explorer.runs.schema import artifacts, points, runs
from explorer.runs.spec import RunSpec
from explorer.runs.workers import Liveness, Worker, lives_here, this_process

if TYPE_CHECKING:
    from torch import Tensor


class Store:
    """Runs, points and artifacts under one address. Safe to share between threads; open one a process."""

    def __init__(
        self,
        database: Database,
        home: Path,
        *,
        url: str | None = None,
        artifacts: ArtifactStore | None = None,
        alive: Liveness = lives_here,
    ) -> None:
        self.home = home
        self.artifacts = artifacts or ArtifactFolder(home / "artifacts")
        self._watch = Watch(alive)
        self.queue = Queue(database, self._watch)
        self.bundles = Bundles(database, self.artifacts)
        self.shelf = Shelf(database, self._watch)
        self._database = database
        self._url = url

    @classmethod
    def open(
        cls,
        url: str | None = None,
        *,
        home: str | Path | None = None,
        artifacts: ArtifactStore | None = None,
        alive: Liveness = lives_here,
    ) -> "Store":
        """The store at ``url``, made or brought up to date if need be.

        Args:
            url: of the database; EXPLORER_DATABASE by default, or else the SQLite file runs.db in the home.
            home: folder of the logs; `places.home` by default.
            artifacts: where artifacts are; by default a folder in the home.
            alive: whether a worker lives, where that can be told from here.
        """
        path = places.home(home)
        address = url or os.environ.get("EXPLORER_DATABASE") or None
        default = URL.create("sqlite", database=str(path / "runs.db"))
        store = cls(Database(address or default), path, url=address, artifacts=artifacts, alive=alive)
        private.narrow_store(path)
        if sweeping.is_due(path):
            store.sweep()
        return store

    def sweep(self) -> Swept:
        """Remove what kills and deletions left behind; done at opening too, once a day."""
        for run_id in self.shelf.overdue():
            self.delete(run_id)
        return sweeping.sweep(self.home, self._database, self.artifacts)

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

    def submit(
        self,
        spec: RunSpec,
        title: str = "",
        *,
        parts: Mapping[str, str] | None = None,
        owner: str | None = None,
        priority: int = 0,
    ) -> Run:
        """The run that answers ``spec``: the one there is, in whatever state, or a new one, queued.

        A run whose study has moved is told where it is now, and one that is lost for a damaged file is queued again.
        One that was deleted is gone for good: it is asked for anew.
        RunError if the one there cannot be read.

        Args:
            parts: what the spec's fingerprint is made of, kept so that it can be said later what changed.
            owner: who asks for it.
            priority: of the runs that wait, the higher goes first.
        """
        known = self._asked(spec)
        if known is not None:
            return known
        for run_id in self.shelf.overdue(spec.identity):
            self.delete(run_id)
        row = {
            "id": spec.run_id,
            "identity": spec.identity,
            "kind": spec.kind,
            "fingerprint": spec.fingerprint,
            **rows.located(spec, spec.study),
            "parts": None if parts is None else encode(dict(parts), "parts"),
            "title": title,
            "owner": owner,
            "priority": priority,
            "status": "queued",
            "fraction": 0.0,
            "message": "",
            "created": time.time(),
            "token": 0,
        }
        try:
            with self._database.writing() as connection:
                connection.execute(insert(runs).values(row))
        except Conflict:  # submitted by someone else just now
            known = self._asked(spec)
            if known is None:
                raise
            return known
        return self.get(spec.run_id)

    def find(self, spec: RunSpec) -> Run | None:
        """The run that answers ``spec``, if it was ever submitted. Done only if the files that it kept are there."""
        found = self._read(runs.c.identity == spec.identity, THERE)
        return self._whole(found[0]) if found else None

    def get(self, run_id: str) -> Run:
        """The run with this id; RunError if there is none."""
        found = self._read(runs.c.id == run_id)
        if not found:
            raise rows.no_run(run_id)
        return found[0]

    def list(self, *, fingerprint: str | None = None, kind: str | None = None) -> tuple[Run, ...]:
        """All runs, or those of a kind or on a study as it is (its fingerprint); the newest first.

        Deleted ones are left out; `Shelf.deleted` has them.
        """
        conditions: list[Any] = [THERE]
        if fingerprint is not None:
            conditions.append(runs.c.fingerprint == fingerprint)
        if kind is not None:
            conditions.append(runs.c.kind == kind)
        return self._read(*conditions)

    def live(self) -> tuple[Run, ...]:
        """The runs that something will still happen to, the newest first: cheap however many have ended."""
        return tuple(run for run in self._read(runs.c.status.in_(LIVE), THERE) if run.live)

    def result(self, run_id: str) -> dict[str, Any] | None:
        """What `Run.result` reads."""
        with self._database.reading() as connection:
            found = connection.execute(select(runs.c.result).where(runs.c.id == run_id)).one_or_none()
        if found is None:
            raise rows.no_run(run_id)
        if found.result is None:
            return None
        with suppress(ValueError, TypeError, RecursionError):
            result = decode(found.result)
            if isinstance(result, dict):
                return result
        self._spoil(run_id, "its result")
        raise RunError(f"The result of run {run_id} is damaged; ask for it again, it is computed anew.")

    def points(self, run_id: str, series: str, after: int = 0) -> tuple[dict[str, Any], ...]:
        """The points of a series in order, without the first ``after`` of them."""
        query = select(points.c.point).where(
            points.c.run_id == run_id, points.c.series == series, points.c.n > after
        )
        with self._database.reading() as connection:
            found = connection.scalars(query.order_by(points.c.n)).all()
        try:
            return tuple(decode(point) for point in found)
        except (ValueError, TypeError, RecursionError) as error:
            raise RunError(
                f"The points {series!r} of run {run_id} are damaged; delete the run and ask for it again."
            ) from error

    def last_checkpoint(self, run_id: str) -> tuple[str, dict[str, Any]] | None:
        """The SHA-256 of the last checkpoint's data and its state."""
        with self._database.reading() as connection:
            saved = checkpoints.newest_of(rows.row_of(connection, run_id))
        return None if saved is None else (saved.sha256, saved.state)

    def checkpoints(self, run_id: str) -> tuple[Saved | None, ...]:
        """The last two checkpoints, the newest first; None for one whose record is damaged."""
        with self._database.reading() as connection:
            return checkpoints.all_of(rows.row_of(connection, run_id))

    def tensors(self, run_id: str, name: str) -> "dict[str, Tensor]":
        """The tensors that a run kept under this name.

        Raises:
            ArtifactDamaged: they are set aside now, and the run is computed anew when it is asked for again.
        """
        sha256 = self.get(run_id).artifacts[name]
        try:
            return self.artifacts.get_tensors(sha256)
        except ArtifactDamaged:
            self.damaged(run_id, sha256)
            raise

    # Governing

    def limit(self, run_id: str, seconds: float) -> None:
        """Set how long every further attempt at a run may work."""
        with self._database.writing() as connection:
            connection.execute(update(runs).where(runs.c.id == run_id).values(time_limit=seconds))

    def claim(self, run_id: str, worker: Worker | None = None) -> Lease:
        """Take a queued run for a worker, which is this process unless it is given.

        Raises:
            RunError: it is not queued, or someone was faster.
        """
        claimed = update(runs).where(runs.c.id == run_id, runs.c.status == "queued")
        with self._database.writing() as connection:
            rows.readable_row_of(connection, run_id, self._watch)
            values = rows.owned(worker or this_process()) | {
                "status": "running",
                "token": runs.c.token + 1,
                "started": time.time(),
                "finished": None,
                "error": None,
                "message": "",
                "expires": now() + watch.LEASE_SECONDS,
            }
            if connection.execute(claimed.values(values)).rowcount:
                token = rows.row_of(connection, run_id).token
                return Lease(run_id, token, self._database, self.artifacts)
        raise RunError(f"Run {run_id} cannot be claimed: it is {self.get(run_id).status}, not queued.")

    def worker(self, run_id: str) -> Worker | None:
        """The worker of a run, if it can be told from here that it lives."""
        with self._database.reading() as connection:
            worker = worker_of(rows.readable_row_of(connection, run_id, self._watch))
        return worker if worker is not None and self._watch.alive(worker) else None

    def cancel(self, run_id: str) -> Run:
        """Ask a run to stop, or take it away at once where nobody works on it. A finished one is left alone."""
        with self._database.writing() as connection:
            row = rows.readable_row_of(connection, run_id, self._watch, lock=True)
            values: dict[str, Any] = {}
            if row.status == "running" and rows.is_held(row, self._watch):
                values = {"status": "cancelling"}
            elif row.status in ("queued", "running"):
                values = rows.ended("cancelled") | ({"message": ""} if row.status == "queued" else {})
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
            row = rows.readable_row_of(connection, run_id, self._watch, lock=True)
            found = rows.status(row, self._watch)
            if found in ("running", "cancelling"):
                raise RunError(f"Run {run_id} is still {found}; stop it or wait before resuming it.")
            if found in ("lost", "failed", "cancelled"):
                saved = checkpoints.newest_of(row)
                checkpoints.cut_points(connection, run_id, {} if saved is None else saved.lengths)
                values = rows.unowned("queued") | {
                    "error": None,
                    "finished": None,
                    **checkpoints.progress(saved),
                }
                if study is not None:
                    values |= rows.located(rows.spec_of(row), study)
                connection.execute(update(runs).where(runs.c.id == run_id).values(values))
        return self.get(run_id)

    def delete(self, run_id: str) -> None:
        """Remove a run with its points, its log, and the files no other run uses; RunError while it works."""
        with self._database.writing() as connection:
            row = rows.row_of(connection, run_id, lock=True)
            if row.status in ("running", "cancelling") and rows.is_held(row, self._watch):
                raise RunError(f"Run {run_id} is {row.status}; stop it before deleting it.")
            unused = references.forget(connection, run_id)
            connection.execute(delete(points).where(points.c.run_id == run_id))
            connection.execute(delete(runs).where(runs.c.id == run_id))
        references.sweep(self._database, self.artifacts, unused)
        self.log_path(run_id).unlink(missing_ok=True)

    def damaged(self, run_id: str, sha256: str) -> None:
        """Note that a file that a run kept is damaged or gone: asked for again, a finished run is computed anew."""
        self.artifacts.set_aside(sha256)
        names = [name for name, kept in self.get(run_id).artifacts.items() if kept == sha256]
        self._spoil(run_id, f"its file {' and '.join(names) or sha256}")

    # Private

    def _spoil(self, run_id: str, what: str) -> None:
        with self._database.writing() as connection:
            spoiling.spoil(connection, run_id, what)

    def _whole(self, run: Run | None) -> Run | None:
        """The run, which is done only if all the files that it kept are there."""
        if run is not None and run.status == "done":
            for sha256 in run.artifacts.values():
                if not self.artifacts.has(sha256):
                    self.damaged(run.id, sha256)
                    return self.get(run.id)
        return run

    def _asked(self, spec: RunSpec) -> Run | None:
        """The run that answers ``spec``, which from now on knows its study where the spec does."""
        run = self.find(spec)
        if run is not None and run.status == "unreadable":
            raise RunError(run.error or "")
        if run is not None and run.status == "lost":
            with self._database.reading() as connection:
                spoilt = spoiling.is_spoilt(connection, run.id)
            run = self.resume(run.id) if spoilt else run
        if run is None or run.spec.study == spec.study:
            return run
        with self._database.writing() as connection:
            located = rows.located(spec, spec.study)
            connection.execute(update(runs).where(runs.c.id == run.id).values(located))
        return self.get(run.id)

    def _read(self, *conditions: Any) -> tuple[Run, ...]:
        with self._database.reading() as connection:
            newest = select(*rows.LIGHT).where(*conditions).order_by(runs.c.created.desc(), runs.c.id)
            found = connection.execute(newest).all()
            if not found:
                return ()
            files: dict[str, dict[str, str]] = {row.id: {} for row in found}
            ids = select(runs.c.id).where(*conditions)
            for run_id, name, sha256 in connection.execute(
                select(artifacts).where(artifacts.c.run_id.in_(ids))
            ):
                if name not in checkpoints.NAMES and run_id in files:
                    files[run_id][name] = sha256
        return tuple(
            rows.from_row(row, files[row.id], self._watch, partial(self.result, row.id)) for row in found
        )
