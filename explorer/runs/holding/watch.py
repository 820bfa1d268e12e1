"""Who holds a run, as far as that can be told from here.

On the worker's own host its process decides, and no clock: a dead one holds nothing from the moment of its death, and
one that lives keeps its run however the clock jumps and however long the database is locked. It is given up in two
cases only. One that was stopped (SIGSTOP, Ctrl-Z) is given up when its lease has run out, by the database's clock or by
having been watched from here for as long as a lease lasts without a sign of life. One that also does other things, such
as a notebook, may live on without its run: it is given up when it was silent for longer than a worker waits for its
database. Elsewhere nothing can be seen of the process, and the lease decides, by the database's clock.
"""

import time
from collections.abc import Callable
from typing import Any

from sqlalchemy import Row

from explorer.runs.holding import patience
from explorer.runs.workers import Liveness, Worker, stopped_here

LEASE_SECONDS = 15.0
_MOST_WATCHED = 1000  # runs; of those that were forgotten the watch begins anew


def worker_of(row: Row[Any]) -> Worker | None:
    """The worker that a run has, or was launched for it."""
    return None if row.pid is None else Worker(row.host, row.pid, row.birth, bool(row.detached))


class Watch:
    """What one reader of the store knows about the holders of runs. Rows come with the database's ``now``."""

    def __init__(self, alive: Liveness, clock: Callable[[], float] = time.monotonic) -> None:
        self.alive = alive
        self._clock = clock
        self._seen: dict[str, tuple[object, float]] = {}

    def holds(self, row: Row[Any]) -> bool:
        """Whether the worker of a live run still has it."""
        worker = worker_of(row)
        if worker is None or row.expires is None:
            return False
        lives = self.alive(worker)
        if lives is False:
            return False
        expired = bool(row.expires < row.now)
        if lives is None or (row.status == "queued" and not worker.detached):
            return not expired  # the latter is whoever was about to launch a worker
        silent = self._silence(row)
        if (expired or silent > LEASE_SECONDS) and stopped_here(worker):
            return False
        return worker.detached or silent <= patience.seconds() + LEASE_SECONDS

    def _silence(self, row: Row[Any]) -> float:
        """For how long this reader has seen the lease as it is, by a clock that never jumps."""
        lease = (row.token, row.expires)
        known, since = self._seen.get(row.id, (None, 0.0))
        if known == lease:
            return self._clock() - since
        if len(self._seen) >= _MOST_WATCHED:
            self._seen.clear()
        self._seen[row.id] = (lease, self._clock())
        return 0.0
