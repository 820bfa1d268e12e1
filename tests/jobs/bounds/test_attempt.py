"""A run stops at its time limit with its checkpoint, and goes on from there with a longer one."""

import os
import signal
from collections.abc import Callable

import pytest

from explorer.errors import RunError
from explorer.jobs import execute, registry, request, resume
from explorer.jobs.bounds import attempt
from explorer.jobs.bounds.attempt import GRACE_SECONDS, Bounds
from explorer.questions import Question
from explorer.runs import RunContext, RunSpec, Store
from tests.jobs.holding import Hold

Specs = Callable[..., RunSpec]
Wait = Callable[..., None]
AT = r"Stopped after its time limit of 0\.5 s at 25%; resume it with a longer one \(--time-limit\)\."


def test_a_worker_stops_at_the_limit_and_resumes_from_its_checkpoint(
    store: Store, spec: Specs, wait: Wait, hold: Hold
) -> None:
    hold.before(1)
    run = request(store, spec(steps=4, hold=str(hold.path)), time_limit=0.5)
    wait(lambda: not store.get(run.id).live)
    told = store.get(run.id)
    assert told.status == "failed"
    assert told.error == AT.replace("\\", "")
    hold.release()
    resume(store, run.id, time_limit=3600)
    wait(lambda: not store.get(run.id).live)
    whole = execute(store, spec(steps=4)).result or {}
    found = store.get(run.id)
    assert (found.status, found.time_limit) == ("done", 3600)
    assert (found.result or {})["resumed_at"] == 1
    assert (found.result or {})["chain"] == whole["chain"]


def test_so_does_a_run_in_this_process(store: Store, spec: Specs, hold: Hold) -> None:
    hold.before(1)
    asked = spec(steps=4, hold=str(hold.path))
    with pytest.raises(RunError, match=AT):
        execute(store, asked, time_limit=0.5)
    assert store.get(asked.run_id).status == "failed"
    hold.release()
    assert (execute(store, asked, time_limit=3600).result or {})["resumed_at"] == 1


def test_the_environment_has_a_default_for_workers(
    store: Store, spec: Specs, wait: Wait, hold: Hold, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_TIME_LIMIT", "0.5s")
    hold.before(1)
    run = request(store, spec(steps=4, hold=str(hold.path)))
    wait(lambda: not store.get(run.id).live)
    assert store.get(run.id).error == AT.replace("\\", "")


def test_a_default_that_is_no_time_fails_the_run_with_a_sentence(
    store: Store, spec: Specs, wait: Wait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_TIME_LIMIT", "soon")
    run = request(store, spec())
    wait(lambda: not store.get(run.id).live)
    assert (store.get(run.id).error or "").startswith("EXPLORER_TIME_LIMIT is 'soon'; give a time")


@pytest.mark.parametrize("alone", [True, False])
def test_what_does_not_listen_is_ended_after_a_grace(
    store: Store, spec: Specs, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    """By a clock of its own: what is done, and when."""
    run = store.submit(spec())
    store.limit(run.id, 100.0)
    lease = store.claim(run.id)
    context = RunContext(store, lease)
    now, ended = 0.0, []
    monkeypatch.setattr(os, "_exit", lambda status: ended.append((now, status)))
    monkeypatch.setattr(os, "kill", lambda pid, number: ended.append((now, number)))
    bounds = Bounds(store.get(run.id), context, lease, alone=alone, clock=lambda: now)
    context.report(0.43)
    for now in (99.9, 100.0, 100.0 + GRACE_SECONDS - 0.1):
        bounds.look()
        assert context.should_stop() == (now >= 100.0)
        assert ended == []
    now = 100.0 + GRACE_SECONDS
    bounds.look()
    assert ended == [(now, attempt.ENDED if alone else signal.SIGINT)]
    if alone:
        told = store.get(run.id)
        assert (told.status, told.error) == ("failed", bounds.reason)
        assert "limit of 1 min 40 s at 43%" in (told.error or "")


def test_a_hanging_run_in_this_process_is_interrupted(
    store: Store, spec: Specs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It never looks whether to stop."""

    class Hanging(Question):
        kind = "hanging"

    def run(question: Question, context: RunContext) -> dict[str, int]:
        signal.pause()
        return {}

    monkeypatch.setattr(attempt, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(registry, "_registered", {})
    registry.register(registry.Kind(Hanging, run, needs_study=False))
    with pytest.raises(RunError, match=r"time limit of 0\.1 s"):
        execute(store, spec(kind="hanging"), time_limit=0.1)
    assert store.get(spec(kind="hanging").run_id).status == "failed"
