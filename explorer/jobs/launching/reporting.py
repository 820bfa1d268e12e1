"""Why a worker died: recorded with its run by what its guard became.

``python -m explorer.jobs.launching.reporting RUN_ID PID BIRTH STATUS PEAK SHORT``, with the status as
`os.waitstatus_to_exitcode` gives it, the peak of its memory as getrusage does, and whether the system was short of
memory. A run that was ended from outside is lost, and goes on when it is asked for again; one that ended itself has
failed, since it would do it again.
"""

import signal
import sys

from explorer.jobs.bounds import memory
from explorer.jobs.queue import room
from explorer.jobs.starting import advance
from explorer.runs import Store, Worker, process
from explorer.runs.workers import this_process

_FROM_OUTSIDE = ("SIGKILL", "SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT")
_WORDS = {
    "SIGSEGV": "segmentation fault",
    "SIGABRT": "abort",
    "SIGBUS": "bus error",
    "SIGFPE": "arithmetic error",
    "SIGILL": "illegal instruction",
}


def main(run_id: str, pid: int, birth: str, status: int, peak: int, short: bool) -> None:
    """Record the reason and make room for the next run."""
    store = Store.open()
    worker = Worker(process.host(), pid, birth, detached=True)
    by_kernel = short and status == -signal.SIGKILL
    reason, failed = why(status, log=str(store.log_path(run_id)))
    if by_kernel:
        held = memory.gigabytes(peak)
        what = f"the system ended it at {held} of the {memory.gigabytes(room.memory())} there are"
        reason, failed = memory.sentence(store.get(run_id).spec.kind, what), True
    # Until the worker has claimed its run, this process stood for it.
    for each in (worker, this_process(detached=True)):
        store.queue.died(run_id, each, reason, failed=failed, peak=peak)
    advance(store)


def why(status: int, *, log: str) -> tuple[str, bool]:
    """What a worker's exit status says, and whether the run itself is at fault."""
    if status >= 0:
        return f"Its code ended the process with status {status} before it was done; see {log}.", True
    name = signal.Signals(-status).name if -status in {each.value for each in signal.Signals} else ""
    if name in _FROM_OUTSIDE:
        return f"Its process was ended from outside (signal {-status}, {name}) before it was done.", False
    words = f" ({_WORDS[name]})" if name in _WORDS else ""
    return f"Its process was ended by signal {-status}{words} before it was done; see {log}.", True


if __name__ == "__main__":
    run_id, pid, birth, status, peak, short = sys.argv[1:]
    main(run_id, int(pid), birth, int(status), memory.in_bytes(int(peak)), short == "1")
