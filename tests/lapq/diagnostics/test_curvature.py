"""Hessians with respect to steps: the Gauss-Newton oracle, quadratics, units, and eq. 9."""

from __future__ import annotations

import json
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.func import functional_call

from explorer.errors import LapqError
from explorer.lapq.diagnostics.curvature import (
    StepHessian,
    finite_difference_hessian,
    gaussian_curvature,
    straight_through_hessian,
)
from explorer.lapq.loss.objective import Objective
from explorer.lapq.phases.layerwise import layerwise_steps
from explorer.quantizers.modules import INPUT
from explorer.studies import Study
from tests.watched import Watched


def test_equation_9_on_z_equals_xy_is_minus_1_at_the_origin_and_less_away_from_it() -> None:
    """K(x, y) = -1/(1 + x² + y²)²."""
    hessian = np.array([[0.0, 1.0], [1.0, 0.0]])
    for x, y in ((0.0, 0.0), (1.0, 0.0), (0.6, -2.0)):
        found = gaussian_curvature(np.array([y, x]), hessian)
        assert found.value == pytest.approx(-1 / (1 + x * x + y * y) ** 2)
        assert found.log10 == pytest.approx(found.log10_n), "both exponents are 2 for two variables"


def test_the_determinants_of_many_small_entries_do_not_vanish() -> None:
    """det 8.72e-25 is printed in the reference's notebook for 15 clips at 4 bits."""
    found = gaussian_curvature(np.full(15, 0.1), np.diag(np.full(15, 1e-30)))
    assert found.sign == 1
    assert found.log10 == pytest.approx(-450 - 2 * math.log10(1.15))
    assert found.log10_n == pytest.approx(-450 - 8.5 * math.log10(1.15))


class Quadratic:
    """An objective L = a + b·log Δ + ½ log Δ · C log Δ."""

    def __init__(self, b: Any, c: Any) -> None:
        self.b, self.c = np.array(b), np.array(c)
        self.w_bits, self.a_bits, self.names = 32, 4, tuple("abc")
        self.sites = [SimpleNamespace(levels=SimpleNamespace(reach=r)) for r in (1.0, 2.0, 8.0)]
        self.asked = 0

    def loss(self, steps: Any) -> float:
        self.asked += 1
        x = np.log(np.asarray(steps, float))
        return float(1.0 + self.b @ x + x @ self.c @ x / 2)


def test_finite_differences_are_exact_on_a_quadratic_and_take_n_squared_losses() -> None:
    c = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, -0.7], [0.0, -0.7, 3.0]])
    objective = Quadratic([0.3, -0.2, 0.1], c)
    steps = np.array([0.5, 1.0, 2.0], np.float32)
    watcher = Watched()
    found = finite_difference_hessian(objective, steps, watcher=watcher)  # type: ignore[arg-type]
    slope, hessian = found.by("log")
    np.testing.assert_allclose(hessian, c, atol=1e-5)
    np.testing.assert_allclose(slope, objective.b + c @ np.log(steps), atol=1e-6)
    assert watcher.reports[-1] == (1.0, "derivatives: 13 of 13")
    assert objective.asked == 13 + 1
    with pytest.raises(LapqError, match="between 0 and 1"):
        finite_difference_hessian(objective, steps, spacing=1.0)  # type: ignore[arg-type]


def test_by_steps_clips_and_logs_the_chain_rule_holds() -> None:
    c = np.diag([2.0, 1.0, 3.0])
    steps = np.array([0.5, 1.0, 2.0], np.float32)
    found = finite_difference_hessian(Quadratic([0.3, -0.2, 0.1], c), steps)  # type: ignore[arg-type]
    slope, _ = found.by("log")
    gradient, hessian = found.by("step")
    for i, s in enumerate(steps):  # d²L/dΔ² = (c - slope)/Δ², by hand
        assert gradient[i] == pytest.approx(slope[i] / s, rel=1e-5)
        assert hessian[i, i] == pytest.approx((c[i, i] - slope[i]) / s**2, rel=1e-4)
    clips, by_clips = found.by("clip")
    np.testing.assert_allclose(clips, gradient / [1, 2, 8])
    np.testing.assert_allclose(np.diag(by_clips), np.diag(hessian) / [1, 4, 64])
    with pytest.raises(LapqError, match="'metre'"):
        found.by("metre")  # type: ignore[arg-type]


def test_coupling_is_1_on_the_diagonal_and_0_where_steps_can_be_chosen_apart() -> None:
    c = np.array([[4.0, 1.0, 0.0], [1.0, 1.0, -0.5], [0.0, -0.5, 1.0]])
    found = finite_difference_hessian(Quadratic([0, 0, 0], c), np.ones(3, np.float32))  # type: ignore[arg-type]
    np.testing.assert_allclose(found.coupling(), [[1, 0.5, 0], [0.5, 1, 0.5], [0, 0.5, 1]], atol=1e-4)
    np.testing.assert_allclose(found.coupling_by_distance(), [0.5, 0], atol=1e-4)
    again = StepHessian.from_json(json.loads(json.dumps(found.to_json())))
    np.testing.assert_array_equal(again.hessian, found.hessian)
    assert (again.sites, again.stderr, again.how) == (found.sites, None, "finite-differences")


def test_with_inputs_alone_quantized_the_straight_through_hessian_is_the_gauss_newton_matrix(
    study: Study,
) -> None:
    """Oracle: JᵀH_L J with the Jacobian of the logits by PyTorch, sample by sample; a ragged last batch."""
    objective = Objective(study, w_bits=32, a_bits=2, calibration=100)
    steps = layerwise_steps(objective, 2.0)
    found = straight_through_hessian(objective, steps)
    network = objective.network
    network.place(steps)
    names = [f"{site.layer}.{INPUT}.step" for site in network.sites]
    expected, slope, total = np.zeros((2, 2)), np.zeros(2), 0
    for inputs, targets in objective.batches:
        leaves = tuple(torch.tensor(float(step)) for step in steps)
        with torch.enable_grad():

            def logits(*values: torch.Tensor, inputs: torch.Tensor = inputs) -> torch.Tensor:
                out: torch.Tensor = functional_call(
                    network.model, dict(zip(names, values, strict=True)), (inputs,)
                )
                return out

            jacobian = torch.stack(torch.autograd.functional.jacobian(logits, leaves), dim=-1)
            p = torch.softmax(logits(*leaves), dim=1).detach()
        for k in range(len(targets)):
            j = jacobian[k].double().numpy()
            q = p[k].double().numpy()
            expected += j.T @ (np.diag(q) - np.outer(q, q)) @ j
            slope += j.T @ (q - np.eye(3)[int(targets[k])])
        total += len(targets)
    np.testing.assert_allclose(found.hessian, expected / total, rtol=2e-3, atol=1e-6)
    np.testing.assert_allclose(found.gradient, slope / total, rtol=2e-3, atol=1e-6)
    assert np.linalg.eigvalsh(found.hessian).min() > -1e-6
    assert found.asymmetry < 1e-3
    assert found.stderr is not None
    assert (found.stderr[found.hessian != 0] > 0).all()


def test_the_gradient_that_comes_along_is_that_of_the_objective(study: Study) -> None:
    objective = Objective(study, w_bits=3, a_bits=3, calibration=100)
    steps = layerwise_steps(objective, 2.0)
    found = straight_through_hessian(objective, steps)
    _, by_log = objective.gradient(steps)
    np.testing.assert_allclose(found.by("log")[0], by_log, rtol=1e-3, atol=1e-6)
    assert found.hessian.shape == (4, 4)


def test_what_the_journal_notes_is_not_differentiated_again(study: Study) -> None:
    objective = Objective(study, w_bits=32, a_bits=3, calibration=100)
    steps = layerwise_steps(objective, 2.0)
    first = straight_through_hessian(objective, steps)
    again = Objective(study, w_bits=32, a_bits=3, calibration=100, journal=objective.journal)
    again.network.model = None  # type: ignore[assignment]
    second = straight_through_hessian(again, steps)
    np.testing.assert_array_equal(first.hessian, second.hessian)


def test_two_bits_curve_more_than_four(study: Study) -> None:
    found = []
    for bits in (2, 4):
        objective = Objective(study, w_bits=32, a_bits=bits, calibration=200)
        found.append(straight_through_hessian(objective, layerwise_steps(objective, 2.0)).curvature())
    assert found[0].log10 > found[1].log10 + 1
