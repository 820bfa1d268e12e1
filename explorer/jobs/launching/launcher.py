"""What is asked of a place where workers are started."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from explorer.runs.workers import Worker


class Launcher(Protocol):
    """Starts workers somewhere, ends them, and knows whether they live.

    A worker is ``python -m explorer.jobs.worker RUN_ID`` with the environment of its store.
    """

    def submit(self, run_id: str, *, environment: Mapping[str, str], log: Path) -> Worker:
        """Start a worker for a queued run; it outlives this process and writes what it says to ``log``.

        Raises:
            RunError: it cannot be started.
        """
        ...

    def stop(self, worker: Worker) -> None:
        """See to it that a worker that was asked to stop is gone within 5 s; returns at once."""
        ...

    def alive(self, worker: Worker) -> bool | None:
        """Whether a worker lives; None where that cannot be told from here. What `Store.open` takes as ``alive``."""
        ...
