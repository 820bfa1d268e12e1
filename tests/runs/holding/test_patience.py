"""A database that cannot be used for a while costs time and no run, and nothing is written twice."""

import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from explorer.errors import RunError
from explorer.jobs import execute
from explorer.runs import Lease, LeaseLost, RunContext, RunSpec, Store, database
from explorer.runs.database import Unavailable
from explorer.runs.holding import patience
from explorer.runs.holding.patience import patiently
from explorer.runs.keeping import references

Specs = Callable[..., RunSpec]
Wait = Callable[..., None]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock is waited for 20 ms at a time, so that a short one counts as long."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT", 0.02)
    monkeypatch.setattr(patience, "LONGEST_WAIT", 0.05)


@contextmanager
def locked(home: Path) -> Iterator[sqlite3.Connection]:
    """Another process, say a backup, holds the write lock."""
    raw = sqlite3.connect(home / "runs.db", isolation_level=None, check_same_thread=False)
    raw.execute("BEGIN IMMEDIATE")
    try:
        yield raw
    finally:
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raw.close()


@pytest.mark.usefixtures("impatient")
def test_a_locked_database_costs_a_run_time_and_nothing_else(
    home: Path, spec: Specs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every write of the worker meets the lock: points, checkpoints, artifacts and the end."""
    store = Store.open()
    asked = spec(steps=6)
    whole = execute(store, spec(steps=6, pause=0.0001))
    run = store.submit(asked)
    met: list[str] = []
    for name in ("append", "checkpoint", "keep", "finish"):
        real = getattr(Lease, name)

        def late(self: Lease, *given: Any, real: Any = real, name: str = name, **named: Any) -> Any:
            if name in met:
                return real(self, *given, **named)
            met.append(name)
            with locked(home) as lock:
                timer = threading.Timer(0.3, lambda: lock.execute("ROLLBACK"))
                timer.start()
                found = real(self, *given, **named)
                timer.join()
                return found

        monkeypatch.setattr(Lease, name, late)
    done = execute(store, asked)
    assert met == ["append", "checkpoint", "keep", "finish"]
    assert (done.status, done.token) == ("done", 2)
    assert (done.result or {})["chain"] == (whole.result or {})["chain"]
    assert store.points(run.id, "chain") == store.points(whole.id, "chain")
    store.close()


@pytest.mark.usefixtures("impatient")
def test_reports_hold_nothing_up_while_the_database_is_locked(home: Path, spec: Specs) -> None:
    """They are recorded when it is free again."""
    store = Store.open()
    run = store.submit(spec())
    context = RunContext(store, store.claim(run.id))
    with locked(home):
        for step in range(1000):
            context.report(step / 1000, f"step {step}")
    context._flush()
    assert store.get(run.id).message == "step 999"
    store.close()


@pytest.mark.usefixtures("impatient")
def test_patience_ends(home: Path, spec: Specs, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store.open()
    lease = store.claim(store.submit(spec()).id)
    monkeypatch.setenv("EXPLORER_DATABASE_PATIENCE", "0.2")
    with (
        locked(home),
        pytest.raises(Unavailable, match=r"cannot be used now \(database is locked\); try again"),
    ):
        lease.append("loss", {"x": 1})
    monkeypatch.setenv("EXPLORER_DATABASE_PATIENCE", "for ever")
    with pytest.raises(RunError, match="EXPLORER_DATABASE_PATIENCE is 'for ever'"):
        lease.append("loss", {"x": 1})
    store.close()


def test_the_waits_grow_and_end_in_time() -> None:
    """By a clock that only sleeping moves."""
    now, waits = 0.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        waits.append(seconds)

    def never() -> None:
        raise Unavailable("No.")

    with pytest.raises(Unavailable):
        patiently(never, limit=600, clock=lambda: now, sleep=sleep)
    assert 590 <= now <= 600
    assert waits[0] <= 0.1
    assert all(2.5 <= wait <= 5 for wait in waits[7:])
    assert len(set(waits[7:])) > 10, "many workers do not come back at one moment"


def test_another_error_is_raised_at_once(spec: Specs, store: Store) -> None:
    tried = []

    def broken() -> None:
        tried.append(1)
        raise LeaseLost("Gone.")

    with pytest.raises(LeaseLost):
        patiently(broken)
    assert tried == [1]


@pytest.mark.parametrize("took_effect", [True, False])
def test_what_may_have_been_written_is_not_written_twice(
    store: Store, spec: Specs, monkeypatch: pytest.MonkeyPatch, took_effect: bool
) -> None:
    """The connection breaks at the end of every transaction's first attempt: before it took effect, or just after."""
    run = store.submit(spec())
    lease = store.claim(run.id)
    writing = type(store._database).writing
    calls = 0

    @contextmanager
    def broken(self: Any, **named: Any) -> Iterator[Connection]:
        nonlocal calls
        calls += 1
        odd = calls % 2 == 1
        with writing(self, **named) as connection:
            yield connection
            if odd and not took_effect:
                raise Unavailable("The connection broke.")
        if odd:
            raise Unavailable("The connection broke.")

    monkeypatch.setattr(type(store._database), "writing", broken)
    monkeypatch.setattr(references, "sweep", lambda *_: None)
    for step in range(3):
        lease.append("loss", {"same": 0})
        lease.checkpoint(b"%d" % step, {"step": step})
    weights = lease.keep("weights", b"w")
    found = store.checkpoints(run.id)
    assert [saved and (saved.state, saved.lengths) for saved in found] == [
        ({"step": 2}, {"loss": 3}),
        ({"step": 1}, {"loss": 2}),
    ]
    lease.finish({"x": 1})
    done = store.get(run.id)
    assert (done.status, done.result, done.artifacts) == ("done", {"x": 1}, {"weights": weights})
    assert done.token == 2
    assert len(store.points(run.id, "loss")) == 3


def test_cancel_ends_a_worker_that_was_stopped_with_the_database_locked(
    store: Store, spec: Specs, wait: Wait, home: Path
) -> None:
    """Its end is seen to first, and frees the lock that the wish to stop needs."""
    from explorer.jobs import stop

    run = store.submit(spec())
    code = (
        "import os, signal, sys; from explorer.runs import Store; from explorer.runs.workers import this_process; "
        "store = Store.open(); store.claim(sys.argv[1], this_process(detached=True)); "
        "writing = store._database.writing(); writing.__enter__(); os.kill(os.getpid(), signal.SIGSTOP)"
    )
    worker = subprocess.Popen([sys.executable, "-c", code, run.id], start_new_session=True)
    stat = Path(f"/proc/{worker.pid}/stat")
    wait(lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")
    assert store.get(run.id).status == "running", "it lives, and its lease is good"
    assert stop(store, run.id).status in ("cancelled", "cancelling")
    assert worker.wait() == -signal.SIGKILL
    assert store.get(run.id).status == "cancelled"
