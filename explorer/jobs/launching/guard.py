"""The guard of a worker: the small process that starts it, waits for its end, and says why it ended where it did not.

``python -I -S guard.py RUN_ID WORKER...`` starts the worker's command in a session of its own. A worker that leaves in
order writes a byte to the pipe that EXPLORER_LEAVING names. After any other end the guard becomes
`explorer.jobs.launching.reporting`, which records the reason. That the system was short of memory is told from the
kernel's counts of processes it ended for that; they are looked at every few seconds, so that a shortage of an hour ago
is not taken for the reason. Beside every worker there is a guard, so this file imports nothing but what Python has
loaded anyway.
"""

import os
import signal
import sys

LEAVING = "EXPLORER_LEAVING"
REPORTING = "explorer.jobs.launching.reporting"
LOOK_SECONDS = 5.0
_POLITE = ("SIGTERM", "SIGINT", "SIGHUP")


def main(run_id: str, command: list[str]) -> None:
    """Start the worker and stay until it has ended."""
    told, leaving = os.pipe()
    worker = os.fork()
    if worker == 0:
        _become(command, leaving)
    os.close(leaving)
    born = _birth(worker)
    for name in _POLITE:  # a worker that is asked to stop leaves by itself, and the guard after it
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    counts = [_ended_for_memory()] * 2

    def look(*_: object) -> None:
        counts[:] = [counts[1], _ended_for_memory()]

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_SECONDS, LOOK_SECONDS)
    _, status, usage = os.wait4(worker, 0)
    short = _ended_for_memory() > counts[0]
    signal.setitimer(signal.ITIMER_REAL, 0)
    os.set_blocking(told, False)  # a process that the worker left behind may hold the other end
    try:
        left = os.read(told, 1)
    except BlockingIOError:
        left = b""
    if not left:
        for name in _POLITE:
            signal.signal(getattr(signal, name), signal.SIG_DFL)
        facts = (run_id, worker, born, os.waitstatus_to_exitcode(status), usage.ru_maxrss, int(short))
        os.execv(sys.executable, [sys.executable, "-m", REPORTING, *map(str, facts)])


def _become(command: list[str], leaving: int) -> None:
    try:
        os.setsid()
        os.set_inheritable(leaving, True)
        os.environ[LEAVING] = str(leaving)
        os.execv(command[0], command)
    finally:
        os._exit(127)


def _birth(pid: int) -> str:
    """As `explorer.runs.process.birth` has it; nothing where there is no /proc."""
    fields = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return fields[19] if fields else ""


def _ended_for_memory() -> int:
    """Processes that the kernel ended for want of memory, in this control group or anywhere."""
    files = ["/proc/vmstat"]
    for line in _text("/proc/self/cgroup").splitlines():
        _, kinds, group = line.split(":", 2)
        if not kinds:
            files.append(f"/sys/fs/cgroup{group}/memory.events")
        elif "memory" in kinds.split(","):
            files.append(f"/sys/fs/cgroup/memory{group}/memory.oom_control")
    lines = (line.split() for file in files for line in _text(file).splitlines())
    return sum(int(words[1]) for words in lines if words[:1] == ["oom_kill"])


def _text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
