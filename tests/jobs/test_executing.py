"""Computing in this process: what the command line relies on."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from explorer.errors import RunError
from explorer.jobs import execute, launch
from explorer.jobs import registry as kinds
from explorer.questions import Question
from explorer.runs import Run, RunContext, RunSpec, Store
from tests.jobs.holding import Hold
from tests.runs.postgresql import BOTH

pytestmark = BOTH


class Here(Question):
    """The question of a kind that a test registers."""

    kind = "here"


Specs = Callable[..., RunSpec]
Wait = Callable[..., None]


@pytest.fixture
def kind(monkeypatch: pytest.MonkeyPatch) -> Callable[[kinds.RunFunction], None]:
    """Register a function as the kind 'here', for this test."""
    monkeypatch.setattr(kinds, "_registered", {})
    return lambda run: kinds.register(kinds.Kind(Here, run, needs_study=False))


def test_it_computes_once_and_remembers(store: Store, spec: Specs) -> None:
    seen: list[Run] = []
    first = execute(store, spec(steps=3, pause=0.3), seen.append, "title")
    assert (first.status, first.title) == ("done", "title")
    assert [round(run.fraction, 2) for run in seen] == [0.33, 0.67, 1.0]
    assert {run.status for run in seen} == {"running"}
    assert [point["step"] for point in store.points(first.id, "chain")] == [1, 2, 3]
    assert (
        store.artifacts.get_arrays(first.artifacts["chain"])["chain"].tobytes().hex()
        == (first.result or {})["chain"]
    )
    again: list[Run] = []
    assert execute(store, spec(steps=3, pause=0.3), again.append) == first
    assert again == []


def test_a_mendable_error_is_raised_and_recorded_and_asking_again_goes_on(store: Store, spec: Specs) -> None:
    failing = spec(steps=4, fail_at=2)
    for _ in "ab":  # the second time from the checkpoint, without doubling the points
        with pytest.raises(RunError, match="Step 2 was told to fail"):
            execute(store, failing)
    run = store.get(failing.run_id)
    assert (run.status, run.error) == ("failed", "Step 2 was told to fail; ask for a run without it.")
    assert [point["step"] for point in store.points(run.id, "chain")] == [1, 2]


def test_an_unexpected_error_is_never_swallowed(store: Store, spec: Specs) -> None:
    failing = spec(steps=4, fail_at=0, error="unexpected")
    with pytest.raises(ZeroDivisionError):
        execute(store, failing)
    error = store.get(failing.run_id).error
    assert error is not None
    assert "ZeroDivisionError: step 0" in error
    assert "Traceback" in store.log_path(failing.run_id).read_text()


def test_a_result_that_is_not_plain_fails_the_run(store: Store, spec: Specs, kind: Any) -> None:
    kind(lambda question, context: {"x": object()})
    with pytest.raises(RunError, match=r"the result\['x'\] is a object"):
        execute(store, spec(kind="here"))
    assert store.get(spec(kind="here").run_id).status == "failed"


def test_ctrl_c_cancels_the_run_and_is_raised_on(store: Store, spec: Specs, kind: Any) -> None:
    def interrupted(question: Here, context: RunContext) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait()
        return {}

    kind(interrupted)
    with pytest.raises(KeyboardInterrupt):
        execute(store, spec(kind="here"))
    assert store.get(spec(kind="here").run_id).status == "cancelled"


@pytest.mark.parametrize("how", ["cancel", "SIGTERM"])
def test_half_a_result_returned_because_of_a_stop_is_not_recorded(
    store: Store, spec: Specs, kind: Any, how: str
) -> None:
    def obedient(question: Here, context: RunContext) -> dict[str, Any]:
        if how == "cancel":
            assert store.cancel(context.run_id).status == "cancelling"
        else:
            os.kill(os.getpid(), signal.SIGTERM)
        while not context.should_stop():
            time.sleep(0.01)
        return {"half": True}

    kind(obedient)
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(RunError, match="was cancelled"):
        execute(store, spec(kind="here"))
    assert signal.getsignal(signal.SIGTERM) is before
    run = store.get(spec(kind="here").run_id)
    assert (run.status, run.result) == ("cancelled", None)


def test_a_function_is_told_when_its_run_was_taken_away(
    store: Store, spec: Specs, kind: Any, wait: Wait
) -> None:
    def robbed(question: Here, context: RunContext) -> dict[str, Any]:
        with store._database.writing() as connection:
            connection.exec_driver_sql("UPDATE runs SET token = token + 1")
        wait(context.should_stop)
        context.report(0.5)
        return {}

    kind(robbed)
    with pytest.raises(RunError, match="is not this worker's any more"):
        execute(store, spec(kind="here"))
    assert store.get(spec(kind="here").run_id).fraction == 0


def test_a_run_at_work_elsewhere_is_waited_for(store: Store, spec: Specs, wait: Wait, hold: Hold) -> None:
    hold.before(1)
    asked = spec(hold=str(hold.path))
    run = store.submit(asked)
    launch(store, run.id)
    seen: list[Run] = []

    def told(now: Run) -> None:
        if not seen:
            hold.release()
        seen.append(now)

    done = execute(store, asked, told)
    assert done.status == "done"
    assert seen, "its progress is passed on"
    assert done.token == 2, "one claim, one end: nobody else took it"


def test_a_lost_run_is_taken_over_from_its_checkpoint(store: Store, spec: Specs) -> None:
    asked = spec(steps=6, pause=0.3)
    code = (
        "import os, sys; from explorer.jobs import execute; from explorer.runs import RunSpec, Store; "
        "execute(Store.open(), RunSpec.model_validate_json(sys.argv[1]), "
        "lambda run: os.kill(os.getpid(), 9) if run.fraction > 0.5 else None)"
    )
    killed = subprocess.run([sys.executable, "-c", code, asked.model_dump_json()], check=False)
    assert killed.returncode == -9
    assert store.get(asked.run_id).status == "lost"
    done = execute(store, asked)
    assert done.result is not None
    assert done.result["resumed_at"] >= 3
    whole = execute(store, spec(steps=6))  # another run of the same chain
    assert whole.result is not None
    assert whole.result["chain"] == done.result["chain"]


def test_it_works_outside_the_main_thread(store: Store, spec: Specs) -> None:
    thread = threading.Thread(target=lambda: execute(store, spec(steps=2)))
    thread.start()
    thread.join()
    assert store.get(spec(steps=2).run_id).status == "done"


@pytest.mark.parametrize("kind", ["nonsense", "os:system", "explorer.jobs.kinds.selftest:run"])
def test_a_kind_is_a_name_from_the_table_and_imports_nothing_else(
    store: Store, spec: Specs, kind: str
) -> None:
    with pytest.raises(RunError, match="There is no kind of run"):
        execute(store, spec(kind=kind))
