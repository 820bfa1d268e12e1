"""Surfaces over two steps: what they hold is the loss, they cost little, and they go on to the same numbers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from explorer.errors import LapqError
from explorer.lapq.diagnostics import surfaces
from explorer.lapq.diagnostics.surfaces import Surface, measure_surface, order
from explorer.lapq.loss.objective import Objective
from explorer.questions import LapqSurfaceQuestion
from explorer.studies import Study
from explorer.watching import Stopped
from tests.lapq.spare import with_spare
from tests.watched import Watched

# The two depthwise and pointwise inputs of the learnable study; the first and last layer are left alone elsewhere.
FIRST, SECOND = "3.input", "6.input"


@pytest.mark.parametrize("points", [5, 9, 10, 50])
@pytest.mark.parametrize("second_inside", [True, False])
def test_every_point_comes_once_and_the_corners_come_first(points: int, second_inside: bool) -> None:
    visited = list(order(points, second_inside=second_inside))
    assert len(visited) == len(set(visited)) == points**2
    last = points - 1
    assert set(visited[:4]) == {(0, 0), (0, last), (last, 0), (last, last)}


def test_the_surface_is_the_loss_at_its_steps_with_all_else_in_fp32(study: Study) -> None:
    found = measure_surface(study, first=FIRST, second=SECOND, a_bits=3, points=5, calibration=100)
    objective = Objective(study, w_bits=32, a_bits=3, calibration=100, leave=[n for n in ("0", "11") if n])
    assert objective.names == (FIRST, SECOND)
    for i, j in ((0, 0), (2, 4), (4, 1)):
        steps = np.array([found.axes[0][i], found.axes[1][j]])
        assert found.loss[i, j] == pytest.approx(objective.loss(steps), rel=1e-6)
    for mark in found.marks:
        assert mark.loss == pytest.approx(objective.loss(np.array(mark.steps)), rel=1e-6)


def test_the_optimum_is_at_the_end_of_a_path_that_only_goes_down(study: Study) -> None:
    found = measure_surface(study, first=FIRST, second=SECOND, a_bits=2, points=5, calibration=100)
    losses = [value for _, value in found.path]
    assert losses == sorted(losses, reverse=True)
    assert len(losses) > 1
    kinds = {mark.kind: mark for mark in found.marks}
    assert kinds["optimum"].steps == found.path[-1][0]
    assert kinds["optimum"].loss <= min(mark.loss for mark in found.marks)
    quadratic, lp = kinds["quadratic"], [mark for mark in found.marks if mark.kind == "lp"]
    assert quadratic.p is not None
    assert len(lp) == 5
    for axis, which in zip(found.axes, (0, 1), strict=True):
        assert (
            axis[0]
            < min(m.steps[which] for m in found.marks)
            <= max(m.steps[which] for m in found.marks)
            < axis[-1]
        )


def test_sites_in_either_order_give_the_transposed_surface(study: Study) -> None:
    one = measure_surface(study, first=FIRST, second=SECOND, points=5, calibration=64)
    other = measure_surface(study, first=SECOND, second=FIRST, points=5, calibration=64)
    assert one.sites == other.sites[::-1]
    assert [mark.steps for mark in one.marks[:-1]] == [mark.steps[::-1] for mark in other.marks[:-1]]
    objective = Objective(study, w_bits=32, calibration=64, leave=(), only=(FIRST, SECOND))
    for i, j in ((1, 3), (4, 0)):
        steps = [other.axes[1][j], other.axes[0][i]]
        assert other.loss[i, j] == pytest.approx(objective.loss(steps), rel=1e-6)


def test_with_others_quantized_every_site_has_a_step(study: Study) -> None:
    found = measure_surface(
        study, first="3.weight", second=SECOND, points=5, calibration=64, others="quantized"
    )
    floating = measure_surface(study, first="3.weight", second=SECOND, points=5, calibration=64)
    assert np.isfinite(found.loss).all()
    assert found.marks[0].steps[0] == floating.marks[0].steps[0], (
        "the weight's L_p step depends on nothing else"
    )
    assert not np.isclose(found.marks[0].loss, floating.marks[0].loss)


def test_layers_can_be_left_in_fp32_where_the_others_are_quantized(study: Study) -> None:
    pair = ("0.weight", "11.weight")
    asked: dict[str, Any] = {"w_bits": 3, "a_bits": 32, "calibration": 64}
    found = measure_surface(
        study, first=pair[0], second=pair[1], points=5, others="quantized", leave=("3", "6"), **asked
    )
    objective = Objective(study, leave=("3", "6"), **asked)
    assert objective.names == pair
    assert found.loss[2, 1] == pytest.approx(objective.loss([found.axes[0][2], found.axes[1][1]]))
    with pytest.raises(LapqError, match=r"no step '0\.weight'"):
        measure_surface(study, first=pair[0], second=pair[1], points=5, others="quantized", **asked)


def test_a_layer_that_no_image_reaches_can_be_named_and_is_no_obstacle(study: Study) -> None:
    other = with_spare(study)
    asked: dict[str, Any] = {"points": 5, "calibration": 32}
    with pytest.raises(LapqError, match=r"reaches layer 'spare'.*leave that layer in FP32"):
        measure_surface(other, first="used.3.input", second="used.6.input", **asked)
    found = measure_surface(other, first="used.3.input", second="used.6.input", leave=("spare",), **asked)
    np.testing.assert_array_equal(
        found.loss, measure_surface(study, first=FIRST, second=SECOND, **asked).loss
    )


def test_it_survives_json_and_its_points_can_come_one_by_one(study: Study) -> None:
    watcher = Watched()
    found = measure_surface(study, first=FIRST, second=SECOND, points=6, calibration=64, watcher=watcher)
    again = Surface.from_json(json.loads(json.dumps(found.to_json())))
    np.testing.assert_array_equal(again.loss, found.loss)
    assert (again.marks, again.path, again.sites) == (found.marks, found.path, found.sites)
    [begun] = watcher.series("surface")
    grown = Surface.from_json(begun)
    assert grown.measured == 0
    for each in watcher.series("points"):
        grown = grown.with_points(each)
    np.testing.assert_array_equal(grown.loss, found.loss)
    assert watcher.fractions == sorted(watcher.fractions)
    assert watcher.fractions[-1] == pytest.approx(1)


def test_stopped_and_gone_on_it_has_the_same_numbers_and_measures_none_twice(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(surfaces, "RECORD_SECONDS", 0.0)
    asked = LapqSurfaceQuestion(first=FIRST, second=SECOND, points=5, calibration=64)
    whole = measure_surface(study, asked)
    first = Watched(stop=lambda checked: checked == whole.evaluations - 10)
    with pytest.raises(Stopped):
        measure_surface(study, asked, watcher=first)
    kept = first.states[-1]
    assert 0 < len(kept.state["phases"]) < whole.evaluations
    second = Watched(begun=kept)
    again = measure_surface(study, asked, watcher=second)
    np.testing.assert_array_equal(again.loss, whole.loss)
    assert again.path == whole.path
    assert again.evaluations == whole.evaluations
    told = [tuple(at) for each in (first, second) for some in each.series("points") for at in some["at"]]
    assert len(told) == len(set(told)) == 25, "no point is told twice, none is lost"
    assert first.series("points"), "some were told before"


def test_mistakes_are_told_in_a_sentence(study: Study) -> None:
    options: dict[str, Any]
    for first, second, options, saying in (
        (FIRST, FIRST, {}, "given twice"),
        (FIRST, "7.input", {}, "no step '7.input'"),
        (FIRST, "6.bias", {}, "no step '6.bias'"),
        (FIRST, "6.weight", {"w_bits": 32}, "no step '6.weight'"),
        (FIRST, SECOND, {"points": 4}, "points is 4; it must be greater than or equal to 5"),
        (FIRST, SECOND, {"a_bits": 1}, "1 bits"),
    ):
        asked: dict[str, Any] = {"points": 5, "calibration": 64, **options}
        with pytest.raises(LapqError, match=saying):
            measure_surface(study, first=first, second=second, **asked)
