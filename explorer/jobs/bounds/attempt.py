"""The bounds of one attempt at a run: how long it may work, and how much memory its worker may hold.

They are looked at with every heartbeat. At its time limit the run is asked to stop, as if it was cancelled, so that its
last checkpoint stays; one that does not listen is ended after a grace. Memory that is used up leaves no time to ask.
"""

import os
import signal
import threading
import time
from collections.abc import Callable

from explorer.jobs.bounds import memory
from explorer.jobs.bounds.units import seconds_of, time_text
from explorer.runs.context import RunContext
from explorer.runs.lease import Lease
from explorer.runs.run import Run

TIME_VARIABLE = "EXPLORER_TIME_LIMIT"
GRACE_SECONDS = 15.0
LAST_PATIENCE = 3.0  # seconds with a database that cannot be used, for one that must go now
ENDED = 4  # exit status of a worker that ended itself; its guard starts the next run


class Bounds:
    """Watches one attempt.

    Args:
        run: what is attempted; its own time limit goes before EXPLORER_TIME_LIMIT.
        alone: whether this process works on nothing else, so that its memory is the run's and it may be ended.

    Attributes:
        reason: why the run was asked to stop, in a sentence; None while it keeps within its bounds.

    Raises:
        RunError: a variable of the environment holds no time or no size.
    """

    def __init__(
        self,
        run: Run,
        context: RunContext,
        lease: Lease,
        *,
        alone: bool,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        usual = os.environ.get(TIME_VARIABLE, "").strip() if alone else ""
        self.reason: str | None = None
        self._seconds = run.time_limit or (seconds_of(usual, TIME_VARIABLE) if usual else None)
        self._memory = memory.limit() if alone else None
        self._kind = run.spec.kind
        self._context, self._lease, self._alone = context, lease, alone
        self._clock = clock
        self._begun = clock()
        self._in_main = threading.current_thread() is threading.main_thread()

    def look(self) -> None:
        """Ask the run to stop, or end it, where it has left its bounds."""
        held = memory.resident() if self._memory is not None else 0
        if self._memory is not None and held > self._memory:
            what = (
                f"the run held {memory.gigabytes(held)}, and {memory.VARIABLE} allows "
                f"{memory.gigabytes(self._memory)}"
            )
            self.reason = memory.sentence(self._kind, what)
            self._end()
        worked = self._clock() - self._begun
        if self._seconds is None or worked < self._seconds:
            return
        if self.reason is None:
            self.reason = (
                f"Stopped after its time limit of {time_text(self._seconds)} at {self._context.fraction:.0%}; "
                "resume it with a longer one (--time-limit)."
            )
            self._context.ask_to_stop()
        elif worked >= self._seconds + GRACE_SECONDS:
            self._end()

    def _end(self) -> None:
        """End the process where it is the run's own; else interrupt what it computes."""
        if self._alone:
            try:
                self._lease.fail(self.reason or "", LAST_PATIENCE)
            finally:
                os._exit(ENDED)
        elif self._in_main:
            os.kill(os.getpid(), signal.SIGINT)
