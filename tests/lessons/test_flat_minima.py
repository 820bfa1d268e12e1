"""Lesson 10: means under noise in closed form, what the trace predicts, and what the distillation ignores."""

import numpy as np
import pytest

from explorer.lessons import flat_minima
from explorer.lessons.common import material


def test_the_mean_under_noise_is_the_integral_and_tends_to_the_second_order() -> None:
    wells, w = flat_minima.Wells(0.15), np.array([-1.1, 0.2, 1.0])
    offsets = (np.arange(20_000) + 0.5) / 20_000 - 0.5
    integral = wells.loss(w[:, None] + 0.7 * offsets).mean(1)
    assert wells.under_noise(w, 0.7) == pytest.approx(integral, abs=1e-6)
    added = wells.under_noise(w, 0.02) - wells.loss(w)
    assert added == pytest.approx(0.02**2 / 24 * wells.curvature(w), rel=0.01)


def test_derivatives_of_the_wells_are_those_of_differences() -> None:
    wells, w, h = flat_minima.Wells(0.3), np.linspace(-1.5, 1.5, 7), 1e-4
    assert wells.slope(w) == pytest.approx((wells.loss(w + h) - wells.loss(w - h)) / (2 * h), abs=1e-6)
    assert wells.curvature(w) == pytest.approx((wells.slope(w + h) - wells.slope(w - h)) / (2 * h), abs=1e-5)


def test_noise_wider_than_the_sharp_well_leaves_it() -> None:
    """Without much noise a descent stays where it began."""
    wells = flat_minima.Wells(0.15)
    assert flat_minima.descend(wells, 0.05, 0)[-1] == pytest.approx(-1, abs=0.1)
    ends = [flat_minima.descend(wells, 2.5, again)[-1] for again in range(20)]
    assert sum(end > 0 for end in ends) > 10


def test_the_trace_in_front_of_the_last_layer_and_the_loss_that_noise_adds_there() -> None:
    """Tr over the input of a linear layer is Tr Wᵀ(diag p − ppᵀ)W; s²/24 of it is added by small noise."""
    (images, _), network = material.images(flat_minima.IMAGES), material.network()
    x = material.input_of("linear", flat_minima.IMAGES)
    p = network(images).detach().double().softmax(1)
    w = material.weight("linear").double()
    exact = (p @ w.square().sum(1)) - (p @ w).square().sum(1)
    found = flat_minima.feature_noise("linear", 0)
    assert [each.step for each in found] == pytest.approx(
        [float(x.max()) / (2**b - 1) for b in (2, 3, 4, 5, 6)]
    )
    for each in found:
        assert each.predicted == pytest.approx(each.step**2 / 24 * float(exact.mean()), rel=1e-3)
    small = found[3]  # of 5 bits
    assert abs(small.measured.value - small.predicted) < 4 * small.measured.stderr
    assert small.measured.stderr < 0.5 * small.predicted


def test_distillation_sees_neither_scale_nor_place() -> None:
    plain = flat_minima.channel("layer2.1.conv2", 3, 0, 1.0, 0.0)
    moved = flat_minima.channel("layer2.1.conv2", 3, 0, 3.0, -2.0)
    assert moved.apart == pytest.approx(plain.apart, rel=1e-2)
    assert moved.correlation == pytest.approx(plain.correlation, abs=1e-4)
    assert moved.squared > 2 * plain.squared
    assert plain.apart > 0
