"""Telling processes apart, and ending one for certain.

A process id alone is reused sooner or later, so a worker is known by its id and its moment of birth (on Linux
the start time in clock ticks since boot, which no change of the clock can move), on a host known by its name,
its boot and its process namespace. A zombie counts as dead: its parent merely has not looked yet.

Run as a script (``python -I process.py PID BIRTH``), this file ends one process group, politely first. The
launcher starts it on its own, so that a worker asked to stop is gone in time even if the app closes meanwhile.
It therefore imports nothing of this project.
"""

import functools
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

# A worker asked to stop has 5 s in all: it is asked, then told (SIGTERM), then killed.
TERMINATE_AFTER = 1.5
KILL_AFTER = 3.0


@functools.cache
def host() -> str:
    """This machine, this boot, this process namespace: where a process id means something."""
    parts = [socket.gethostname()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    except OSError:
        pass  # not Linux: the host name has to do
    return "/".join(parts)


def birth(pid: int) -> str | None:
    """When process ``pid`` of this host was born, or None if there is no such live process."""
    if Path("/proc/self/stat").exists():
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return None
        # The second field is the program's name in parentheses and may itself hold spaces and parentheses.
        fields = stat[stat.rindex(")") + 2 :].split()
        return None if fields[0] in "ZXx" else fields[19]
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else repr(process.create_time())
    except psutil.Error:
        return None


def alive(pid: int, born: str) -> bool:
    """Whether the process that was born then as ``pid`` on this host still lives."""
    return birth(pid) == born


def stopped(pid: int, born: str) -> bool:
    """Whether a process of this host lives but was stopped, as by SIGSTOP or Ctrl-Z."""
    import psutil

    try:
        return psutil.Process(pid).status() == psutil.STATUS_STOPPED and alive(pid, born)
    except psutil.Error:
        return False


def leads_its_session() -> bool:
    """Whether this process leads a group and a session of its own, so that signals to the group reach its own only."""
    if sys.platform == "win32":
        return False  # there are no such groups
    return os.getpid() == os.getpgrp() == os.getsid(0)


def end(
    pid: int,
    born: str,
    *,
    terminate_after: float,
    kill_after: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Give a group leader time to leave on its own, then send its group SIGTERM, then SIGKILL."""
    start = clock()
    for deadline, number in ((terminate_after, signal.SIGTERM), (kill_after, signal.SIGKILL)):
        while alive(pid, born):
            if clock() - start >= deadline:
                try:
                    os.killpg(pid, number)
                except ProcessLookupError:
                    return
                break
            sleep(0.05)


if __name__ == "__main__":
    end(int(sys.argv[1]), sys.argv[2], terminate_after=TERMINATE_AFTER, kill_after=KILL_AFTER)
