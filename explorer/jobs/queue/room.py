"""How much this machine has room for: so many workers, and so much memory.

By default as many workers as this process has cores: those it may run on, or what its control group grants where that
is less; EXPLORER_WORKERS overrides. The memory that all of them may take is `SHARE` of what the machine or the control
group has, and no more than what is free now beside what they hold already. What a run needs is the most that a run of
its kind held on the same study, or on any, or a guess. One run may always work, however big.
"""

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from explorer.errors import RunError
from explorer.jobs import registry
from explorer.runs import process
from explorer.runs.queue import Line, Place

VARIABLE = "EXPLORER_WORKERS"
SHARE = 0.8
WITH_A_NETWORK = 512 * 2**20  # bytes; PyTorch and a small network hold 300 to 450 MiB
WITHOUT = 64 * 2**20

_GROUPS = Path("/sys/fs/cgroup")


def workers() -> int:
    """How many runs may work at once on this machine.

    Raises:
        RunError: EXPLORER_WORKERS is no whole number above 0.
    """
    told = os.environ.get(VARIABLE, "").strip()
    if not told:
        return cores()
    if not told.isdecimal() or not 0 < len(told) <= 4 or int(told) < 1:
        raise RunError(f"{VARIABLE} is {told[:40]!r}; give a whole number from 1 to 9999, or unset it.")
    return int(told)


def cores(groups: Path = _GROUPS) -> int:
    """Cores that this process may use; at least one."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    granted = _quota(groups)
    return max(1, usable if granted is None else min(usable, math.ceil(granted)))


def memory(groups: Path = _GROUPS) -> int:
    """Bytes that the machine has, or the control group where that is less."""
    total, _ = _machine()
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        limit = _text(groups / name)
        if limit.isdecimal():
            return min(total, int(limit))
    return total


@dataclass(frozen=True)
class Room:
    """What there is room for at one moment.

    Attributes:
        workers: how many may be at work.
        memory: bytes that they may hold together.
        peaks: most bytes held in earlier runs, by kind and study.
    """

    workers: int
    memory: int
    peaks: Mapping[tuple[str, str], int]

    @classmethod
    def here(cls, line: Line, peaks: Mapping[tuple[str, str], int]) -> "Room":
        """The room of this machine, whose workers hold what they hold now."""
        held = sum(_held(place.worker.pid) for place in here(line) if place.worker is not None)
        _, free = _machine()
        return cls(workers(), int(SHARE * min(memory(), free + held)), peaks)

    def need(self, place: Place) -> int:
        """Bytes that a run will hold at most, as far as can be told."""
        known = self.peaks.get((place.kind, place.fingerprint))
        if known is None:
            known = max((peak for (kind, _), peak in self.peaks.items() if kind == place.kind), default=None)
        if known is not None:
            return known
        return WITH_A_NETWORK if registry.kind(place.kind).needs_study else WITHOUT

    def full(self, line: Line) -> bool:
        """Whether there is no place, for however small a run."""
        return len(here(line)) >= self.workers

    def fits(self, place: Place, line: Line) -> bool:
        """Whether there is room for one run more."""
        at_work = here(line)
        if self.full(line):
            return False
        return not at_work or sum(map(self.need, [*at_work, place])) <= self.memory


def here(line: Line) -> tuple[Place, ...]:
    """Those at work on this machine."""
    host = process.host()
    return tuple(place for place in line.at_work if place.worker is not None and place.worker.host == host)


def _machine() -> tuple[int, int]:
    """Bytes of memory that there are, and that are free."""
    import psutil

    found = psutil.virtual_memory()
    return int(found.total), int(found.available)


def _held(pid: int) -> int:
    import psutil

    try:
        return int(psutil.Process(pid).memory_info().rss)
    except psutil.Error:
        return 0  # it has ended since


def _quota(groups: Path) -> float | None:
    """Cores that the control group grants, of either version."""
    quota, _, period = _text(groups / "cpu.max").partition(" ")
    if not quota:
        quota, period = (_text(groups / "cpu" / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    if quota.isdecimal() and period.isdecimal() and int(period):
        return int(quota) / int(period)
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError:
        return ""
