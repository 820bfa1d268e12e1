"""The paper's curves: their lowest points are the optima, and their numbers are the loss and the accuracy."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from explorer.errors import LapqError
from explorer.lapq import Levels, Objective, best_p, layerwise_steps, plan_of
from explorer.lapq.diagnostics import sweeps
from explorer.lapq.diagnostics.sweeping import SweepResult, measure_sweep
from explorer.lapq.diagnostics.sweeps import (
    AlongP,
    DistancePoint,
    ErrorCurves,
    along_calibration,
    along_distance,
    along_p,
    error_curves,
    on_test,
    site_tensor,
)
from explorer.lapq.loss.journal import Journal
from explorer.plans import evaluate_plan
from explorer.questions import LapqSweepQuestion, StepsLoss
from explorer.studies import Study
from tests.watched import Watched


def test_the_error_curves_of_a_normal_have_the_published_minima() -> None:
    """2 bits, the mid-rise form: clips 1.2526, 1.4935, 1.6942 for p = 1, 2, 3."""
    x = torch.tensor(stats.norm.ppf((np.arange(20_000) + 0.5) / 20_000), dtype=torch.float32)
    levels = Levels.of("code", 2, signed=True)
    found = error_curves(x, levels, powers=(1, 2, 3), points=400)
    for k, clip in enumerate((1.2526, 1.4935, 1.6942)):
        assert found.best[k] * levels.reach == pytest.approx(clip, abs=4e-3)
        on_grid = found.steps[found.errors[k].argmin()]
        assert on_grid == pytest.approx(found.best[k], abs=found.steps[1] - found.steps[0])
    again = ErrorCurves.from_json(json.loads(json.dumps(found.to_json())))
    np.testing.assert_array_equal(again.errors, found.errors)


def test_an_error_is_in_the_units_of_the_tensor() -> None:
    x = torch.randn(500, generator=torch.Generator().manual_seed(0))
    levels = Levels.of("integer", 3, signed=True)
    one, ten = error_curves(x, levels), error_curves(10 * x, levels)
    np.testing.assert_allclose(ten.errors, 10 * one.errors, rtol=1e-4)
    np.testing.assert_allclose(ten.best, 10 * np.array(one.best), rtol=1e-3)


def test_the_tensor_of_a_site_is_its_weight_or_what_reaches_the_fp32_layer(study: Study) -> None:
    objective = Objective(study, calibration=100)
    weight = site_tensor(objective, "6.weight")
    assert torch.equal(weight, study.model().get_parameter("6.weight"))
    inputs = site_tensor(objective, "6.input")
    with torch.no_grad():
        expected = study.model()[:6](objective.batches[0][0])  # type: ignore[index]
    assert torch.equal(inputs, expected.flatten())
    with pytest.raises(LapqError, match=r"no step '5\.input'"):
        site_tensor(objective, "5.input")


def test_along_p_every_point_is_the_loss_and_the_test_accuracy_of_the_lp_steps(study: Study) -> None:
    objective = Objective(study, w_bits=3, a_bits=3, calibration=100)
    watcher = Watched()
    found = along_p(objective, powers=(1.5, 2.0, 3.0, 4.0), watcher=watcher)
    assert watcher.series("points") == found.to_json()["points"]
    assert AlongP.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert len(found.coefficients) == 3
    blocks = study.blocks()
    for point in found.points:
        steps = layerwise_steps(objective, point.p)
        assert point.loss == objective.loss(steps)
        named = dict(zip(objective.names, map(float, steps), strict=True))
        direct = evaluate_plan(study, plan_of(objective.sites, named, study, blocks), blocks)
        assert point.test_loss == pytest.approx(direct.loss, rel=1e-5)
        assert (point.accuracy, point.accuracy_stderr) == (direct.accuracy, direct.accuracy_stderr)


def test_along_distance_the_ratio_1_is_the_loss_itself(study: Study) -> None:
    objective = Objective(study, w_bits=32, a_bits=3, calibration=100)
    _, steps = best_p(objective)
    found = along_distance(objective, steps, ratios=(0.5, 1.0, 2.0))
    low, here, high = found.points
    assert here == DistancePoint(ratio=1.0, distance=0.0, loss=objective.loss(steps))
    assert low.distance == pytest.approx(float(np.linalg.norm(steps)) / 2)
    assert high.loss == objective.loss(2 * steps)
    with pytest.raises(LapqError, match="above 0"):
        along_distance(objective, steps, ratios=(0.0,))


def test_along_calibration_known_points_are_not_measured_again(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = LapqSweepQuestion(sweep="calibration", sizes=(16, 64), seeds=(0, 1))
    measured: list[tuple[int, int]] = []

    def counted(study: Study, question: StepsLoss, **rest: Any) -> Objective:
        measured.append((question.calibration, question.seed))
        return Objective(study, question, **rest)

    monkeypatch.setattr(sweeps, "Objective", counted)
    journal = Journal()
    whole = along_calibration(study, asked, journal=journal)
    assert measured == [(16, 0), (16, 1), (64, 0), (64, 1)]
    del journal.notes["calibration 64 1"]
    assert along_calibration(study, asked, journal=journal) == whole
    assert measured[4:] == [(64, 1)]
    objective = Objective(study, calibration=64, seed=1)
    last = whole.points[3]
    assert (last.size, last.seed) == (64, 1)
    assert last.test_loss == on_test(objective, best_p(objective)[1]).loss


def test_a_sweep_survives_json(study: Study) -> None:
    for asked in (
        LapqSweepQuestion(sweep="error", site="6.input", calibration=32),
        LapqSweepQuestion(sweep="distance", calibration=32),
        LapqSweepQuestion(sweep="calibration", sizes=(16,), seeds=(0,)),
    ):
        plain = json.loads(json.dumps(measure_sweep(study, asked).to_json()))
        assert SweepResult.from_json(plain).to_json() == plain
