"""Killing workers at random moments, and what must be true of the store afterwards."""

import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil

from explorer.jobs import execute, launch
from explorer.runs import Run, RunSpec, Store, Worker, process
from explorer.studies import Study

PATIENCE = 300.0  # seconds: ends what never comes; nothing fails for being slow


def wait(condition: Callable[[], object], what: str = "what was waited for") -> None:
    """Wait until something holds."""
    start = time.monotonic()
    while not condition():
        if time.monotonic() - start > PATIENCE:
            raise AssertionError(f"{what} did not come within {PATIENCE:.0f} s")
        time.sleep(0.01)


@dataclass(frozen=True)
class Killed:
    """A run that was killed again and again, and what came of it.

    Attributes:
        at: how far the run was at each kill, 0 to 1, by what it had recorded.
        seen: seconds until each death was seen in the store.
    """

    run: Run
    at: tuple[float, ...]
    seen: tuple[float, ...]


def uninterrupted(store: Store, spec: RunSpec, study: Study) -> tuple[Run, float]:
    """The run in one go in this process, and the seconds that took."""
    started = time.monotonic()
    run = execute(store, spec, study=study)
    return run, time.monotonic() - started


def kill_again_and_again(
    store: Store, spec: RunSpec, *, kills: int, seconds: float, draw: random.Random
) -> Killed:
    """Launch a worker, kill it at a random moment, resume; after so many kills let it end.

    Args:
        seconds: that the whole run takes; the moments are drawn from it.
    """
    run = store.submit(spec)
    at, seen = [], []
    for _ in range(kills):
        worker = _launched(store, run.id)
        if worker is None:
            break
        # One kill in four comes before the claim, while the process is still starting, and takes its guard along.
        if draw.random() >= 0.25:
            wait(lambda: store.get(run.id).status != "queued", "the claim")
            # One in four while it still loads what it needs, the others once it computes.
            if draw.random() >= 0.25:
                wait(partial(_has_moved, store, store.get(run.id)), "the first progress")
            time.sleep(draw.uniform(0, seconds * (0.9 if kills == 1 else 1.5 / kills)))
            victims = [worker.pid] if (worker := store.worker(run.id)) else []
        else:
            time.sleep(draw.uniform(0, 1.0))
            victims = _with_children(worker.pid)
        before = store.get(run.id)
        for victim in victims:
            with suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
        died = time.monotonic()
        wait(partial(_are_gone, victims), "the death")
        wait(lambda: store.get(run.id).status not in ("running", "cancelling"), "the death to be seen")
        now = store.get(run.id)
        if now.status == "done":
            break
        assert now.status in ("lost", "queued", "failed"), (now.status, now.error)
        at.append(before.fraction)
        seen.append(time.monotonic() - died)
        if now.resumable:
            store.resume(run.id)
    _launched(store, run.id)
    wait(lambda: not store.get(run.id).live, "the end of the run")
    return Killed(store.get(run.id), tuple(at), tuple(seen))


def _has_moved(store: Store, before: Run) -> bool:
    now = store.get(before.id)
    return not now.live or now.fraction != before.fraction


def _are_gone(pids: list[int]) -> bool:
    return all(process.birth(pid) is None for pid in pids)


def _with_children(pid: int) -> list[int]:
    """A process and what it started, if it still lives."""
    try:
        one = psutil.Process(pid)
        return [pid, *(child.pid for child in one.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _launched(store: Store, run_id: str) -> Worker | None:
    """The worker process of a queued run, started here or by an app that looks at the queue; None if it has ended."""

    def found() -> bool:
        if not store.get(run_id).live:
            return True
        launch(store, run_id)
        worker = store.worker(run_id)  # a process that only holds the place for a worker is not detached
        return worker is not None and worker.detached

    wait(found, "a worker")
    worker = store.worker(run_id)
    return worker if worker is not None and worker.detached else None


def unsound(store: Store, *, runs: int) -> list[str]:
    """What is wrong with a store: a damaged database, runs that are lost, files that nobody refers to."""
    found: list[str] = []
    with closing(sqlite3.connect(store.home / "runs.db")) as connection:
        for check in ("integrity_check", "foreign_key_check"):
            told = connection.execute(f"PRAGMA {check}").fetchall()
            if told not in ([], [("ok",)]):
                found.append(f"{check}: {told[:3]}")
        referred = {
            f"{sha256[:2]}/{sha256[2:]}" for (sha256,) in connection.execute("SELECT sha256 FROM artifacts")
        }
    if len(store.list()) != runs:
        found.append(f"{len(store.list())} runs instead of {runs}")
    _age(store.home)
    store.sweep()
    there = files(store.home / "artifacts")
    found += [f"{name} is left" for name in sorted(there - referred)]
    found += [f"{name} is missing" for name in sorted(referred - there)]
    found += [f"{folder} is left empty" for folder in empty_folders(store.home / "artifacts")]
    return found


def _age(home: Path) -> None:
    """Make everything two hours old: a sweep leaves alone what somebody may be writing just now."""
    then = time.time() - 7200
    for path in home.rglob("*"):
        os.utime(path, (then, then))


def assert_sound(store: Store, *, runs: int) -> None:
    """Nothing is lost, nothing damaged, nothing left behind."""
    if found := unsound(store, runs=runs):
        raise AssertionError("\n".join(found))


def files(folder: Path) -> set[str]:
    """The files under a folder."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def empty_folders(folder: Path) -> list[str]:
    """Folders that hold nothing."""
    return [str(path) for path in folder.rglob("*") if path.is_dir() and not any(path.iterdir())]


@contextmanager
def no_worker_left(home: Path) -> Iterator[None]:
    """End whatever works on the runs of this home when the block ends."""
    try:
        yield
    finally:
        workers = [each for each in psutil.process_iter() if works_on(each, home)]
        for worker in workers:
            worker.kill()
        psutil.wait_procs(workers, timeout=10)


def works_on(one: psutil.Process, home: Path) -> bool:
    """Whether a process was started for this home, and is not this one."""
    try:
        return one.pid != os.getpid() and one.environ().get("EXPLORER_HOME") == str(home)
    except psutil.Error:
        return False
