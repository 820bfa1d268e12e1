"""A worker: one process that carries out one run. ``python -m explorer.jobs.worker RUN_ID``

Exit status: 0 when the run ended as done or cancelled, 1 when it failed (recorded, and reported on stderr,
which the launcher sends to the run's log; an unexpected exception with its traceback), 2 when there was
nothing to claim, 3 when the run was taken away. Before it leaves it starts the next runs that wait.
"""

import faulthandler
import os
import signal
import sys
import threading

from explorer.errors import ExplorerError, RunError
from explorer.jobs.bounds.allocation import keep_freed_memory
from explorer.jobs.launching.guard import LEAVING
from explorer.jobs.perform import perform
from explorer.jobs.starting import advance
from explorer.runs import process
from explorer.runs.context import RunContext
from explorer.runs.holding.patience import patiently
from explorer.runs.lease import LeaseLost
from explorer.runs.store import Store
from explorer.runs.workers import this_process

LOST_GRACE_SECONDS = 10.0


def main(run_id: str) -> int:
    """Claim the run, carry it out, and leave in order: after any other end the guard says what happened."""
    status = _work(run_id)
    if told := os.environ.get(LEAVING):
        os.write(int(told), b".")
    return status


def _work(run_id: str) -> int:
    faulthandler.enable()  # a crash in native code leaves a trace in the log
    keep_freed_memory()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        store = patiently(Store.open)
        own = this_process(detached=process.leads_its_session())
        lease = patiently(lambda: store.claim(run_id, own))
    except RunError as error:
        print(error, file=sys.stderr)
        return 2
    context = RunContext(store, lease, on_lost=_leave_soon, stop=stop)
    try:
        run = perform(store, lease, context, alone=True)
    except LeaseLost as error:
        print(error, file=sys.stderr)
        return 3
    except ExplorerError as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    finally:
        advance(store)
    print(f"Run {run_id} is {run.status}.", file=sys.stderr)
    return 0


def _leave_soon() -> None:
    """A worker whose run was taken away computes for nothing: end it even if it never looks up."""
    timer = threading.Timer(LOST_GRACE_SECONDS, os._exit, args=(3,))
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m explorer.jobs.worker RUN_ID")
    sys.exit(main(sys.argv[1]))
