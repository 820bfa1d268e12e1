"""Workers: the processes that carry out runs, as the store remembers and recognises them.

The store asks one thing of whoever knows about workers: whether one still lives, where that can be told from here.
Where it cannot, as for a worker on another machine, the lease alone decides.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass

from explorer.runs import process


@dataclass(frozen=True)
class Worker:
    """A process that carries out a run, told apart from every other, earlier ones with its number included.

    Attributes:
        host: where the number means something, as `process.host` names it.
        pid: number of the process.
        birth: moment of its birth, as `process.birth` gives it.
        detached: whether it leads a group of its own and works on nothing else, so that it may be ended by signals.
    """

    host: str
    pid: int
    birth: str
    detached: bool = False


Liveness = Callable[[Worker], bool | None]


def this_process(*, detached: bool = False) -> Worker:
    """This process as a worker."""
    return child(os.getpid(), detached=detached)


def child(pid: int, *, detached: bool = False) -> Worker:
    """A process of this host as a worker, dead ones included."""
    return Worker(process.host(), pid, process.birth(pid) or "gone", detached)


def lives_here(worker: Worker) -> bool | None:
    """Whether a worker of this host lives; None for one of another host."""
    return process.alive(worker.pid, worker.birth) if worker.host == process.host() else None


def stopped_here(worker: Worker) -> bool:
    """Whether a worker of this host lives but was stopped, so that it does nothing."""
    return worker.host == process.host() and process.stopped(worker.pid, worker.birth)
