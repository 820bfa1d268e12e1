"""LAPQ as a run: the direct call's steps, phases told as they arrive, cancelled and resumed to the same end."""

import time
from typing import Any

import pytest

from explorer import lapq
from explorer.errors import RunError
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.lapq.loss import keeping
from explorer.questions import LapqQuestion
from explorer.runs import Run, RunSpec, Store
from explorer.studies import Study

ASKED: dict[str, Any] = {"w_bits": 2, "a_bits": 32, "calibration": 64, "method": "gradient"}


@pytest.fixture(autouse=True)
def kept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "CHECKPOINT_SECONDS", 0.05)


def spec(study: Study, **options: Any) -> RunSpec:
    return spec_of(study, LapqQuestion(**{**ASKED, **options}))


def told(store: Store, run: Run) -> tuple[list[float], list[float]]:
    curve, path = store.points(run.id, "p_curve"), store.points(run.id, "path")
    return [point["p"] for point in curve], [point["loss"] for point in path]


def test_the_run_gives_what_the_direct_call_gives(store: Store, study: Study) -> None:
    run = execute(store, spec(study))
    assert run.result is not None
    direct = lapq.optimise(study, **ASKED)
    found = lapq.LapqResult.from_json(run.result)
    assert found.steps == direct.steps
    curve, path = told(store, run)
    assert tuple(curve[:10]) == direct.p_curve.p
    assert path == [point.loss for point in direct.path]


def test_cancelled_and_resumed_it_ends_with_the_same_steps(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = execute(store, spec(study, seed=1))
    other = Store.open(home=store.home / "other")
    true_point = keeping.Keeper.point

    def cancelled(self: Any, series: str, values: Any) -> None:
        true_point(self, series, values)
        if self._seen.get("path") == 2:
            other.cancel(whole.id)
            while not self._whole.should_stop():  # until the heartbeat hears of it
                time.sleep(0.02)

    with monkeypatch.context() as patched:
        patched.setattr(keeping.Keeper, "point", cancelled)
        with pytest.raises(RunError, match="was cancelled"):
            execute(other, spec(study, seed=1))
    assert other.get(whole.id).status == "cancelled"
    ended = execute(other, spec(study, seed=1))
    assert ended.result is not None
    assert whole.result is not None
    assert ended.result["steps"] == whole.result["steps"]
    assert told(other, ended) == told(store, whole), "no point is told twice, none is lost"
    other.close()


def test_the_same_question_in_other_words_is_one_run(study: Study) -> None:
    assert spec_of(study, LapqQuestion()).parameters == {}
    assert spec_of(study, LapqQuestion(w_bits=4, method="powell", leave=None)) == spec_of(
        study, LapqQuestion()
    )
    assert spec_of(study, LapqQuestion(leave=("b", "a"))) == spec_of(study, LapqQuestion(leave=["a", "b"]))
    assert spec_of(study, LapqQuestion(leave=())) != spec_of(study, LapqQuestion())
