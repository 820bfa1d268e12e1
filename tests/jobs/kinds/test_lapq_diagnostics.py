"""Surfaces, sweeps and Hessians of steps as runs: the direct call's numbers, also after a cancellation."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.errors import LapqError, RunError
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.lapq import Objective, best_p
from explorer.lapq.diagnostics import surfaces
from explorer.lapq.diagnostics.curvature import (
    StepHessian,
    finite_difference_hessian,
    straight_through_hessian,
)
from explorer.lapq.diagnostics.separability import Separability, separability
from explorer.lapq.diagnostics.surfaces import Surface, measure_surface
from explorer.lapq.diagnostics.sweeps import along_distance
from explorer.lapq.loss import keeping
from explorer.questions import LapqHessianQuestion, LapqSurfaceQuestion, LapqSweepQuestion
from explorer.runs import Run, RunSpec, Store
from explorer.studies import Study

SITES = ("3.input", "6.input")


@pytest.fixture(autouse=True)
def kept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surfaces, "RECORD_SECONDS", 0.0)


def surface_spec(study: Study, **options: Any) -> RunSpec:
    return spec_of(
        study,
        LapqSurfaceQuestion(first=SITES[0], second=SITES[1], **{"points": 6, "calibration": 64, **options}),
    )


def told(store: Store, run: Run) -> Surface:
    """The surface as a page builds it while the run lives."""
    [begun] = store.points(run.id, "surface")
    found = Surface.from_json(begun)
    for points in store.points(run.id, "points"):
        found = found.with_points(points)
    return found


def test_a_surface_is_that_of_the_direct_call(store: Store, study: Study) -> None:
    run = execute(store, surface_spec(study))
    assert run.result is not None
    found, direct = (
        Surface.from_json(run.result),
        measure_surface(study, first=SITES[0], second=SITES[1], points=6, calibration=64),
    )
    np.testing.assert_array_equal(found.loss, direct.loss)
    assert (found.marks, found.path) == (direct.marks, direct.path)
    np.testing.assert_array_equal(told(store, run).loss, direct.loss)


def test_cancelled_and_resumed_a_surface_has_the_same_numbers_and_tells_no_point_twice(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = execute(store, surface_spec(study, seed=1))
    other = Store.open(home=store.home / "other")

    true_tell = keeping.Keeper.tell

    def cancelled(self: Any, series: str, values: Any, **options: Any) -> None:
        true_tell(self, series, values, **options)
        if self._told.get("points", 0) >= 20:
            other.cancel(whole.id)
            while True:  # until the heartbeat hears of it
                self.check_stop()
                time.sleep(0.02)

    with monkeypatch.context() as patched:
        patched.setattr(keeping.Keeper, "tell", cancelled)
        with pytest.raises(RunError, match="was cancelled"):
            execute(other, surface_spec(study, seed=1))
    ended = execute(other, surface_spec(study, seed=1))
    assert ended.result is not None
    assert whole.result is not None
    first, second = Surface.from_json(ended.result), Surface.from_json(whole.result)
    np.testing.assert_array_equal(first.loss, second.loss)
    assert (first.marks, first.path, first.evaluations) == (second.marks, second.path, second.evaluations)
    points = [tuple(at) for each in other.points(ended.id, "points") for at in each["at"]]
    assert len(points) == len(set(points)) == 36
    other.close()


@pytest.mark.parametrize("how", ["straight-through", "finite-differences"])
def test_a_hessian_and_separability_are_those_of_the_direct_calls(
    store: Store, study: Study, how: str
) -> None:
    run = execute(store, spec_of(study, LapqHessianQuestion(how=how, a_bits=2, calibration=100)))
    assert run.result is not None
    objective = Objective(study, w_bits=32, a_bits=2, calibration=100)
    _, steps = best_p(objective)
    differentiate = straight_through_hessian if how == "straight-through" else finite_difference_hessian
    direct = differentiate(objective, steps)
    np.testing.assert_array_equal(StepHessian.from_json(run.result["hessian"]).hessian, direct.hessian)
    apart = Separability.from_json(run.result["separability"])
    np.testing.assert_array_equal(apart.pairs, separability(objective, steps).pairs)


def test_sweeps_give_their_points_as_they_come(store: Store, study: Study) -> None:
    options: dict[str, Any] = {"w_bits": 32, "a_bits": 3, "calibration": 64}
    run = execute(store, spec_of(study, LapqSweepQuestion(sweep="distance", **options)))
    assert run.result is not None
    assert list(store.points(run.id, "points")) == run.result["points"]
    objective = Objective(study, **options)
    steps = np.array([run.result["steps"][name] for name in objective.names])
    assert run.result["points"] == along_distance(objective, steps).to_json()["points"]
    sizes = spec_of(
        study, LapqSweepQuestion(sweep="calibration", sizes=[16, 32, 1000, 2000], seeds=[0], **options)
    )
    found = execute(store, sizes).result
    assert found is not None
    most = study.data.size("train")
    assert most < 1000
    assert [(point["size"], point["seed"]) for point in found["points"]] == [(16, 0), (32, 0), (most, 0)]
    for site in ("6.input", None):
        curves = execute(store, spec_of(study, LapqSweepQuestion(sweep="error", site=site, **options))).result
        assert curves is not None
        assert len(curves["errors"]) == len(curves["p"]) == len(curves["best"])
    along = execute(store, spec_of(study, LapqSweepQuestion(sweep="p", **options))).result
    assert along is not None
    assert along["points"][0]["p"] == 1.0


def test_the_same_question_in_other_words_is_one_run(study: Study) -> None:
    assert surface_spec(study, points=33, calibration=512).parameters == dict(
        zip(("first", "second"), SITES, strict=True)
    )
    assert surface_spec(study, leave=[]) == surface_spec(study), "no layer is left alone"
    left = surface_spec(study, leave=["b", "a"], others="quantized").parameters
    assert left["leave"] == ["a", "b"]
    assert spec_of(study, LapqHessianQuestion(w_bits=32, how="straight-through")).parameters == {}
    assert spec_of(study, LapqSweepQuestion(sweep="p", leave=["b", "a"])).parameters == {
        "sweep": "p",
        "leave": ["a", "b"],
    }


def test_mistakes_fail_in_a_sentence(store: Store, study: Study, tmp_path: Path) -> None:
    sites = {"first": "3.input", "second": "x.input"}
    for kind, options, saying in (
        (LapqSweepQuestion, {"sweep": "q"}, "no sweep 'q'"),
        (LapqHessianQuestion, {"how": "guessing"}, "no how 'guessing'"),
        (LapqHessianQuestion, {"steps": {"3.input": 1.0}, "calibration": 32}, "no step for '6.input'"),
        (
            LapqHessianQuestion,
            {"steps": {"3.input": -1.0, "6.input": 1.0}, "calibration": 32},
            "the step of '3.input' is -1; it must be positive",
        ),
        (LapqSweepQuestion, {"sweep": "calibration", "method": "luck"}, "luck"),
        (LapqSurfaceQuestion, sites, "no step 'x.input'"),
        (LapqSurfaceQuestion, {**sites, "second": "3.input"}, "given twice"),
    ):
        with pytest.raises(LapqError, match=saying):
            execute(store, spec_of(study, kind(**options)))
