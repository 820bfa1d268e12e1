"""What a machine has room for: cores and memory, with a control group's limits, and what a run needs."""

import os
from pathlib import Path

import psutil
import pytest

from explorer.errors import RunError
from explorer.jobs.queue import room
from explorer.jobs.queue.room import Room
from explorer.runs import Worker, process
from explorer.runs.queue import Line, Place

GB = 10**9


def place(name: str, *, kind: str = "traces", fingerprint: str = "f", host: str = "") -> Place:
    worker = Worker(host or process.host(), os.getpid(), "then") if name.isupper() else None
    return Place(name, kind, fingerprint, None, 0, 0.0, "", 0, worker)


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n", encoding="ascii")
    return folder


@pytest.mark.parametrize(
    ("files", "most"),
    [
        ({}, 1000),
        ({"cpu.max": "max 100000"}, 1000),
        ({"cpu.max": "150000 100000"}, 2),  # a core and a half
        ({"cpu.max": "1000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, 1000),
        ({"cpu/cpu.cfs_quota_us": "300000", "cpu/cpu.cfs_period_us": "100000"}, 3),
    ],
)
def test_there_are_as_many_workers_as_cores_or_as_the_group_grants(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], most: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    assert room.cores(write(tmp_path, files)) == min(8, most)


@pytest.mark.parametrize(("told", "workers"), [("1", 1), (" 12 ", 12)])
def test_the_operator_says_how_many(monkeypatch: pytest.MonkeyPatch, told: str, workers: int) -> None:
    monkeypatch.setenv("EXPLORER_WORKERS", told)
    assert room.workers() == workers


def test_nothing_said_means_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EXPLORER_WORKERS")
    assert room.workers() == room.cores()


@pytest.mark.parametrize("told", ["0", "-1", "two", "1.5", "9" * 5000, "²"])
def test_a_number_of_workers_that_is_none_is_a_sentence(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setenv("EXPLORER_WORKERS", told)
    with pytest.raises(RunError, match=r"EXPLORER_WORKERS is '.{1,40}'; give a whole number from 1"):
        room.workers()


def test_a_control_group_bounds_the_memory(tmp_path: Path) -> None:
    total = psutil.virtual_memory().total
    assert room.memory(tmp_path) == total
    assert room.memory(write(tmp_path, {"memory.max": "max"})) == total
    assert room.memory(write(tmp_path, {"memory.max": str(2**20)})) == 2**20


def test_a_run_needs_what_its_like_needed() -> None:
    """On the same study, else the most on any, else a guess by whether a network is loaded."""
    known = Room(4, 8 * GB, {("traces", "f"): 3, ("traces", "g"): 5, ("evaluate", "f"): 7})
    assert known.need(place("a")) == 3
    assert known.need(place("a", fingerprint="new")) == 5
    assert known.need(place("a", kind="lapq")) == room.WITH_A_NETWORK
    assert known.need(place("a", kind="selftest")) == room.WITHOUT


def test_there_is_room_by_number_and_by_memory() -> None:
    peaks = {("traces", "f"): 3 * GB, ("lapq", "f"): 9 * GB}
    small = Room(3, 7 * GB, peaks)
    one, two, three = (Line((), tuple(place(name) for name in names)) for names in ("A", "AB", "ABC"))
    assert small.fits(place("x"), one)
    assert not small.fits(place("x"), two), "9 GB are too much, though a place is free"
    assert small.full(three)
    assert not Room(3, 100 * GB, peaks).fits(place("x"), three)
    assert small.fits(place("x", kind="lapq"), Line((), ())), "one may always work"
    assert not small.fits(place("x", kind="lapq"), one)


def test_who_works_elsewhere_takes_no_place_here() -> None:
    elsewhere = Line((), tuple(place(name, host="cluster") for name in "ABC"))
    assert Room(1, GB, {}).fits(place("x"), elsewhere)
