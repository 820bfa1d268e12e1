"""Timing on a machine that is never quite quiet: everything is warmed up and repeated, and the least time counts.

Whatever else runs can only make a piece of work slower, so the least of several times is the best estimate of
what it takes. Works that are compared are timed in turns, so that a busy minute falls on all of them.
"""

import contextlib
import ctypes
import gc
import os
import platform
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Generic, TypeVar

import psutil
import torch

T = TypeVar("T")


@dataclass(frozen=True)
class Timed(Generic[T]):
    """What a piece of work gave each time, and the seconds it took."""

    values: tuple[T, ...]
    seconds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The least: for work that is the same every time."""
        return min(self.seconds)

    @property
    def median(self) -> float:
        """For work whose amount differs from time to time."""
        return statistics.median(self.seconds)


def in_turns(
    works: Mapping[str, Callable[[int], T]],
    *,
    repeats: int,
    warm_up: bool = True,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timed[T]]:
    """Every work ``repeats`` times, in turns; each is called with the number of the repeat (-1: warm-up)."""
    if warm_up:
        for work in works.values():
            work(-1)
    values: dict[str, list[T]] = {name: [] for name in works}
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for repeat in range(repeats):
        for name, work in works.items():
            gc.collect()
            started = clock()
            value = work(repeat)
            seconds[name].append(clock() - started)
            values[name].append(value)
    return {name: Timed(tuple(values[name]), tuple(seconds[name])) for name in works}


class PeakMemory:
    """The most memory this process had resident while in the block, over what it had at its beginning."""

    def __init__(self) -> None:
        self.added = 0
        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "PeakMemory":
        gc.collect()
        _give_back()
        self._start = self._process.memory_info().rss
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.01):
            self.added = max(self.added, self._process.memory_info().rss - self._start)


def _give_back() -> None:
    """Let the C library hand freed memory back, which would hide what comes; glibc alone knows how."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def machine() -> list[str]:
    """The machine and the versions, a line each; no name of host, person or folder."""
    memory = psutil.virtual_memory().total / 2**30
    return [
        f"{_processor()}, {os.cpu_count()} logical cores, {memory:.0f} GiB of memory",
        f"{platform.system()}, Python {platform.python_version()}, torch {torch.__version__} "
        f"with {torch.get_num_threads()} threads, CPU only, float32",
        f"measured on {date.today().isoformat()}",
    ]


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
