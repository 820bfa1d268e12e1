"""Workers as processes: they outlive the app, die without harm, and stop when told."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from explorer.errors import RunError
from explorer.jobs import execute, launch, request, stop
from explorer.runs import RunSpec, Store, process

Specs = Callable[..., RunSpec]
Wait = Callable[..., float]
LogOf = Callable[[str, str], str]


def result(store: Store, run_id: str) -> dict[str, Any]:
    found = store.get(run_id)
    assert found.result is not None, (found.status, found.error, store.log_path(run_id).read_text())
    return found.result


def pid_of(store: Store, run_id: str) -> int:
    worker = store.worker(run_id)
    assert worker is not None
    return worker[0]


def test_killed_at_any_point_and_resumed_it_reaches_the_same_result(
    store: Store, spec: Specs, wait: Wait
) -> None:
    whole = execute(store, spec(steps=12)).result or {}
    asked = spec(steps=12, pause=0.05)
    run = request(store, asked)
    for kills, step in enumerate((2, 7)):
        wait(lambda step=step: len(store.points(run.id, "chain")) >= step)
        os.kill(pid_of(store, run.id), signal.SIGKILL)
        wait(lambda: store.get(run.id).status == "lost", seconds=2)
        with pytest.raises(RunError, match="resume it before launching"):
            launch(store, run.id)
        kept = len(store.points(run.id, "chain"))
        store.resume(run.id)
        assert kept - len(store.points(run.id, "chain")) in (0, 1), (
            f"kill {kills}: a step is a point, then a checkpoint"
        )
        launch(store, run.id)
    wait(lambda: not store.get(run.id).live)
    found = result(store, run.id)
    assert found["resumed_at"] >= 6
    assert found["chain"] == whole["chain"]
    assert store.points(run.id, "chain") == store.points(spec(steps=12).run_id, "chain")


@pytest.mark.parametrize("deaf", [False, True])
def test_a_stopped_run_is_gone_within_5_seconds_even_if_it_never_listens(
    store: Store, spec: Specs, wait: Wait, deaf: bool
) -> None:
    run = request(store, spec(steps=2000, pause=0.05, deaf=deaf))
    wait(lambda: store.points(run.id, "chain"))
    pid = pid_of(store, run.id)
    assert wait(lambda: stop(store, run.id)) < 0.5, "the app is not held up"
    taken = wait(lambda: process.birth(pid) is None, seconds=5)
    assert store.get(run.id).status == "cancelled"
    if deaf:
        assert taken > process.TERMINATE_AFTER, "nothing but SIGKILL ends this one"
    else:
        assert store.log_path(run.id).read_text() == f"Run {run.id} is cancelled.\n", "it left by itself"
    assert store.resume(run.id).status == "queued"


def test_launching_twice_makes_one_worker(store: Store, spec: Specs, wait: Wait, log_of: LogOf) -> None:
    run = request(store, spec(steps=20, pause=0.05))
    pid = pid_of(store, run.id)
    launch(store, run.id)
    assert pid_of(store, run.id) == pid
    wait(lambda: store.get(run.id).status == "running")
    launch(store, run.id)
    wait(lambda: not store.get(run.id).live)
    assert request(store, run.spec).status == "done"
    assert log_of(run.id, "is done.") == f"Run {run.id} is done.\n"


def test_a_worker_outlives_the_app_that_started_it(store: Store, spec: Specs, wait: Wait) -> None:
    asked = spec(steps=10, pause=0.1)
    app = (
        "import os, sys; from explorer.jobs import request; from explorer.runs import RunSpec, Store; "
        "request(Store.open(), RunSpec.model_validate_json(sys.argv[1])); os.killpg(0, 9)"
    )
    ended = subprocess.run(
        [sys.executable, "-c", app, asked.model_dump_json()], check=False, start_new_session=True, timeout=60
    )
    assert ended.returncode == -9
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


def test_a_damaged_checkpoint_fails_the_run_and_names_the_file(store: Store, spec: Specs) -> None:
    asked = spec(steps=3, fail_at=2)
    with pytest.raises(RunError, match="Step 2"):
        execute(store, asked)
    saved = store.last_checkpoint(asked.run_id)
    assert saved is not None
    path = store.artifacts.path(saved[0])
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(RunError, match=re.escape(f"{path} is damaged")):
        execute(store, asked)
    assert str(path) in (store.get(asked.run_id).error or "")


def test_cancelling_before_the_worker_claims_leaves_nothing_running(
    store: Store, spec: Specs, wait: Wait
) -> None:
    run = request(store, spec(steps=2000, pause=0.05))
    pid = pid_of(store, run.id)
    assert stop(store, run.id).status in ("cancelled", "cancelling")
    wait(lambda: process.birth(pid) is None, seconds=10)
    assert store.get(run.id).status == "cancelled"


def test_the_machinery_does_not_import_torch() -> None:
    code = (
        "import sys; import explorer.runs, explorer.jobs.worker, explorer.jobs.kinds.selftest; "
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False, timeout=60).returncode == 0


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
