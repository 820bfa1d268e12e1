"""The queue as the store keeps it: who waits, who is at work, and the one transaction that gives a place away.

A run waits while it is queued and nobody has taken it. Whoever has room for one more reserves the next: within a single
writing transaction it is chosen and gets a placeholder for its worker, the reserving process. Two processes so cannot
both give away the last place, and a placeholder that dies before it has launched a worker leaves a run that waits
again. Which one is next is for `explorer.jobs.queue` to say.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Integer, Row, bindparam, func, select, update

from explorer.runs import rows
from explorer.runs.database import Database
from explorer.runs.holding.clock import now
from explorer.runs.holding.watch import Watch, worker_of
from explorer.runs.keeping import references
from explorer.runs.run import Run
from explorer.runs.schema import runs
from explorer.runs.workers import Worker

STARTUP_SECONDS = 120.0  # how long a launched worker on another machine may take until it claims its run
STARTING = "starting"

_NAMES = (
    *("id", "kind", "fingerprint", "owner", "priority", "created", "message", "status", "token"),
    *("host", "pid", "birth", "detached", "expires"),
)
_COLUMNS = (*(runs.c[name] for name in _NAMES), rows.NOW)


@dataclass(frozen=True)
class Place:
    """A run as the queue sees it."""

    id: str
    kind: str
    fingerprint: str
    owner: str | None
    priority: int
    created: float
    message: str
    token: int
    worker: Worker | None


@dataclass(frozen=True)
class Line:
    """Everybody in the queue at one moment.

    Attributes:
        waiting: runs that nobody has taken.
        at_work: runs that have a worker or are about to get one, wherever it is.
    """

    waiting: tuple[Place, ...]
    at_work: tuple[Place, ...]


class Queue:
    """The queue of one store; see the module."""

    def __init__(self, database: Database, watch: Watch) -> None:
        self._database = database
        self._watch = watch

    def line(self) -> Line:
        """Who waits and who is at work."""
        with self._database.reading() as connection:
            return self._line(connection)

    def reserve(self, choose: Callable[[Line], Place | None], worker: Worker) -> Place | None:
        """Give a waiting run to ``worker``, a placeholder until `launched`; None where none is chosen."""
        with self._database.writing() as connection:
            references.lock(connection)
            chosen = choose(self._line(connection))
            if chosen is not None:
                values = rows.owned(worker) | {"expires": now() + STARTUP_SECONDS, "message": STARTING}
                connection.execute(update(runs).where(*_unclaimed(chosen)).values(values))
            return chosen

    def launched(self, run: Place | Run, worker: Worker) -> None:
        """Note the worker started for a queued run, so that its death before the claim is noticed."""
        values = rows.owned(worker) | {"expires": now() + STARTUP_SECONDS}
        with self._database.writing() as connection:
            connection.execute(update(runs).where(*_unclaimed(run)).values(values))

    def refuse(self, place: Place, error: str) -> None:
        """A reserved run whose worker could not be started has failed, for the reason that ``error`` gives."""
        with self._database.writing() as connection:
            values = rows.ended("failed") | {"error": error, "message": ""}
            connection.execute(update(runs).where(*_unclaimed(place)).values(values))

    def died(self, run_id: str, worker: Worker, error: str, *, failed: bool, peak: int) -> None:
        """Note why a worker died, unless its run is in other hands.

        Args:
            failed: whether the run was at fault; else it is lost.
            peak: bytes of memory that it held at most.
        """
        with self._database.writing() as connection:
            row = connection.execute(select(runs).where(runs.c.id == run_id).with_for_update()).one_or_none()
            holder = None if row is None else worker_of(row)
            if row is None or holder is None or (holder.host, holder.pid) != (worker.host, worker.pid):
                return
            if worker.birth and holder.birth != worker.birth:
                return
            values: dict[str, Any] = {"error": error, "peak_memory": peak}
            if row.status == "cancelling":
                values = rows.ended("cancelled")
            elif failed:
                values |= rows.ended("failed")
            connection.execute(update(runs).where(runs.c.id == run_id).values(values))

    def say(self, messages: Mapping[Place, str]) -> None:
        """Record in words what waiting runs wait for."""
        still = update(runs).where(
            *(runs.c.id == bindparam("of"), runs.c.status == "queued", runs.c.token == bindparam("held")),
            runs.c.pid.is_not_distinct_from(bindparam("taken", type_=Integer)),
        )
        told = [
            {
                "of": place.id,
                "held": place.token,
                "taken": None if place.worker is None else place.worker.pid,
                "words": message,
            }
            for place, message in messages.items()
        ]
        with self._database.writing() as connection:
            connection.execute(still.values(message=bindparam("words")), told)

    def drop(self, run_ids: Collection[str]) -> None:
        """Cancel those of these runs that still wait, all at once."""
        with self._database.writing() as connection:
            references.lock(connection)
            still = [place.id for place in self._line(connection).waiting if place.id in run_ids]
            values = rows.ended("cancelled") | {"message": ""}
            connection.execute(update(runs).where(runs.c.id.in_(still)).values(values))

    def peaks(self, kinds: Collection[str]) -> dict[tuple[str, str], int]:
        """Most bytes that a worker held in earlier runs, by kind and study fingerprint."""
        most = select(runs.c.kind, runs.c.fingerprint, func.max(runs.c.peak_memory))
        known = most.where(runs.c.kind.in_(kinds), runs.c.peak_memory.is_not(None))
        with self._database.reading() as connection:
            found = connection.execute(known.group_by(runs.c.kind, runs.c.fingerprint))
            return {(kind, fingerprint): peak for kind, fingerprint, peak in found}

    def started_since(self, moment: float) -> dict[str | None, int]:
        """How many runs were started since then, by who asked for them."""
        counted = select(runs.c.owner, func.count()).where(runs.c.started > moment)
        with self._database.reading() as connection:
            found = connection.execute(counted.group_by(runs.c.owner)).all()
            return {row[0]: row[1] for row in found}

    def _line(self, connection: Connection) -> Line:
        live = select(*_COLUMNS).where(runs.c.status.in_(("queued", "running", "cancelling")))
        waiting, at_work = [], []
        for row in connection.execute(live).all():
            try:
                place, waits = _place(row), rows.waits(row, self._watch)
                held = not waits and self._watch.holds(row)
            except (TypeError, ValueError):
                continue  # a damaged row: whoever lists the runs sees it, and nobody can work on it
            if waits:
                waiting.append(place)
            elif held:
                at_work.append(place)
        return Line(tuple(waiting), tuple(at_work))


def _place(row: Row[Any]) -> Place:
    return Place(
        id=row.id,
        kind=row.kind,
        fingerprint=row.fingerprint,
        owner=row.owner,
        priority=int(row.priority),
        created=float(row.created),
        message=row.message,
        token=row.token,
        worker=worker_of(row),
    )


def _unclaimed(place: Place | Run) -> tuple[Any, ...]:
    return runs.c.id == place.id, runs.c.status == "queued", runs.c.token == place.token
