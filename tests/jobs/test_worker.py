"""Workers as processes: they outlive the app, die without harm, and stop when told."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from explorer.errors import RunError
from explorer.jobs import execute, launch, request, stop
from explorer.runs import RunSpec, Store, process
from tests.jobs.holding import Hold
from tests.runs.postgresql import BOTH

pytestmark = BOTH

Specs = Callable[..., RunSpec]
Wait = Callable[..., None]
LogOf = Callable[[str, str], str]


def result(store: Store, run_id: str) -> dict[str, Any]:
    found = store.get(run_id)
    assert found.result is not None, (found.status, found.error, store.log_path(run_id).read_text())
    return found.result


def pid_of(store: Store, run_id: str) -> int:
    worker = store.worker(run_id)
    assert worker is not None
    return worker.pid


def test_killed_at_any_point_and_resumed_it_reaches_the_same_result(
    store: Store, spec: Specs, wait: Wait, hold: Hold
) -> None:
    whole = execute(store, spec(steps=12)).result or {}
    asked = spec(steps=12, hold=str(hold.path))
    run = store.submit(asked)
    for kills, step in enumerate((2, 7)):
        hold.before(step)
        launch(store, run.id)
        wait(lambda step=step: len(store.points(run.id, "chain")) >= step)
        pid = pid_of(store, run.id)
        os.kill(pid, signal.SIGKILL)
        wait(lambda pid=pid: process.birth(pid) is None)
        assert store.get(run.id).status == "lost", "its death is seen at once, its lease good or not"
        with pytest.raises(RunError, match="resume it before launching"):
            launch(store, run.id)
        kept = len(store.points(run.id, "chain"))
        store.resume(run.id)
        assert kept - len(store.points(run.id, "chain")) in (0, 1), (
            f"kill {kills}: a step is a point, then a checkpoint"
        )
    hold.release()
    launch(store, run.id)
    wait(lambda: not store.get(run.id).live)
    found = result(store, run.id)
    assert found["resumed_at"] >= 6
    assert found["chain"] == whole["chain"]
    assert store.points(run.id, "chain") == store.points(spec(steps=12).run_id, "chain")


def test_a_run_that_was_cancelled_leaves_by_itself(
    store: Store, spec: Specs, wait: Wait, hold: Hold, log_of: LogOf
) -> None:
    hold.before(1)
    run = request(store, spec(hold=str(hold.path)))
    wait(lambda: store.points(run.id, "chain"))
    pid = pid_of(store, run.id)
    assert store.cancel(run.id).status in ("cancelling", "cancelled")
    wait(lambda: process.birth(pid) is None)
    assert store.get(run.id).status == "cancelled"
    assert log_of(run.id, "is cancelled.") == f"Run {run.id} is cancelled.\n"
    assert store.resume(run.id).status == "queued"


def test_a_run_that_never_listens_is_ended(store: Store, spec: Specs, wait: Wait, hold: Hold) -> None:
    hold.before(1)
    run = request(store, spec(hold=str(hold.path), deaf=True))
    wait(lambda: store.points(run.id, "chain"))
    pid = pid_of(store, run.id)
    assert stop(store, run.id).status == "cancelling", "the app is not held up until it is gone"
    wait(lambda: process.birth(pid) is None)
    assert store.get(run.id).status == "cancelled"
    assert store.log_path(run.id).read_text() == "", "it did not leave by itself"
    assert store.resume(run.id).status == "queued"


@pytest.mark.parametrize(
    ("leaves_at", "sent"),
    [(1.0, []), (2.0, [signal.SIGTERM]), (None, [signal.SIGTERM, signal.SIGKILL])],
)
def test_what_is_asked_to_stop_is_told_and_then_killed_within_5_seconds(
    monkeypatch: pytest.MonkeyPatch, leaves_at: float | None, sent: list[int]
) -> None:
    """By a clock that only sleeping moves: what is sent, and when."""
    now, signals, killed = 0.0, [], []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds

    def killpg(pid: int, number: int) -> None:
        signals.append((number, now))
        if number == signal.SIGKILL:
            killed.append(pid)

    def alive(pid: int, born: str) -> bool:
        return (pid, born) == (7, "then") and not killed and (leaves_at is None or now < leaves_at)

    monkeypatch.setattr(os, "killpg", killpg)
    monkeypatch.setattr(process, "alive", alive)
    times = {"terminate_after": process.TERMINATE_AFTER, "kill_after": process.KILL_AFTER}
    process.end(7, "then", **times, clock=lambda: now, sleep=sleep)
    assert [number for number, _ in signals] == sent
    due: dict[int, float] = {signal.SIGTERM: process.TERMINATE_AFTER, signal.SIGKILL: process.KILL_AFTER}
    assert all(due[number] <= at < due[number] + 0.1 for number, at in signals)
    assert process.KILL_AFTER < 5


def test_launching_twice_makes_one_worker(
    store: Store, spec: Specs, wait: Wait, log_of: LogOf, hold: Hold
) -> None:
    hold.before(0)
    run = request(store, spec(hold=str(hold.path)))
    pid = pid_of(store, run.id)
    launch(store, run.id)
    assert pid_of(store, run.id) == pid
    wait(lambda: store.get(run.id).status == "running")
    pid = pid_of(store, run.id)  # until now its guard stood for it
    launch(store, run.id)
    assert pid_of(store, run.id) == pid
    hold.release()
    wait(lambda: not store.get(run.id).live)
    assert request(store, run.spec).status == "done"
    assert log_of(run.id, "is done.") == f"Run {run.id} is done.\n"


def test_a_worker_outlives_the_app_that_started_it(store: Store, spec: Specs, wait: Wait, hold: Hold) -> None:
    hold.before(1)
    asked = spec(hold=str(hold.path))
    app = (
        "import os, sys; from explorer.jobs import request; from explorer.runs import RunSpec, Store; "
        "request(Store.open(), RunSpec.model_validate_json(sys.argv[1])); os.killpg(0, 9)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", app, asked.model_dump_json()], check=False, start_new_session=True
    )
    assert ended.returncode == -9
    hold.release()
    wait(lambda: not store.get(asked.run_id).live)
    assert result(store, asked.run_id)["resumed_at"] == 0


def test_failures_are_a_sentence_in_the_store_and_a_traceback_in_the_log(
    store: Store, spec: Specs, wait: Wait, log_of: LogOf
) -> None:
    mendable = request(store, spec(steps=3, fail_at=1))
    broken = request(store, spec(steps=3, fail_at=1, error="unexpected"))
    wait(lambda: not store.get(mendable.id).live and not store.get(broken.id).live)
    assert store.get(mendable.id).error == "Step 1 was told to fail; ask for a run without it."
    assert "Traceback" not in log_of(mendable.id, "Failed: Step 1")
    error = store.get(broken.id).error
    assert error is not None
    assert "ZeroDivisionError: step 1" in error
    assert str(store.log_path(broken.id)) in error
    log = log_of(broken.id, "ZeroDivisionError")
    assert "Traceback" in log
    assert "selftest.py" in log


def test_cancelling_before_the_worker_claims_leaves_nothing_running(
    store: Store, spec: Specs, wait: Wait, hold: Hold
) -> None:
    hold.before(0)
    run = request(store, spec(hold=str(hold.path)))
    pid = pid_of(store, run.id)
    assert stop(store, run.id).status in ("cancelled", "cancelling")
    wait(lambda: process.birth(pid) is None)
    assert store.get(run.id).status == "cancelled"


def test_the_machinery_does_not_import_torch() -> None:
    code = (
        "import sys; import explorer.runs, explorer.jobs.worker, explorer.jobs.kinds.selftest; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_process_is_not_mistaken_for_an_earlier_one_with_its_number() -> None:
    own = os.getpid()
    born = process.birth(own)
    assert born is not None
    assert process.alive(own, born)
    assert not process.alive(own, "another moment")
    child = subprocess.Popen([sys.executable, "-c", ""])
    with child:
        while process.birth(child.pid) is not None:
            pass  # a zombie counts as dead: it is one until it is waited for
    assert process.birth(2**22 + 1) is None
