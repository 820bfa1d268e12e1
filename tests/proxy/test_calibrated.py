"""The curve from Ω to accuracy: exact where the answer is known, and a band that covers about what it says."""

import math

import numpy as np
import pytest

from explorer.proxy import MeasuredPlan, calibrate


def measured(accuracy: float, *, samples: int = 1000, noise: float | None = 0.003) -> MeasuredPlan:
    error = math.sqrt(accuracy * (1 - accuracy) / samples)
    return MeasuredPlan(
        0, (2,), (8,), 1, 1, samples, 1.0, 0.1, accuracy, error, 0.1, 0.1, -0.1, 0.1, 0.0, noise
    )


OMEGA = [0.01, 0.1, 1.0, 10.0, 100.0]


def test_a_falling_curve_is_met_and_is_linear_in_log_omega() -> None:
    truth = [0.9, 0.85, 0.8, 0.5, 0.2]
    found = calibrate(OMEGA, [measured(each) for each in truth])
    assert found is not None
    assert found.accuracy == pytest.approx(truth)
    between = found.at(math.sqrt(10.0))
    assert between is not None
    assert between.value == pytest.approx(0.65)
    edge = found.at(0.01 + 1e-9)
    assert edge is not None
    assert edge.stderr < between.stderr, "a steep stretch is less certain than a flat one"
    assert found.plans == 5


def test_nothing_is_said_outside_what_was_measured() -> None:
    found = calibrate(OMEGA, [measured(0.9 - 0.1 * i) for i in range(5)])
    assert found is not None
    assert [found.at(omega) for omega in (0.009, 101.0, 0.0, -1.0)] == [None] * 4
    value, band = found.along(np.array([0.01, 100.0, 1000.0]))
    assert np.isfinite(value[:2]).all()
    assert np.isnan([value[2], band[2]]).all()


def test_plans_that_break_the_order_are_pooled_by_their_weights() -> None:
    """Two neighbours that rise share their mean, the surer one counting more."""
    plans = [
        measured(0.9),
        measured(0.70, samples=1000),
        measured(0.76, samples=4000),
        measured(0.4),
        measured(0.2),
    ]
    found = calibrate(OMEGA, plans)
    assert found is not None
    weights = [1000 / (0.7 * 0.3), 4000 / (0.76 * 0.24)]
    pooled = np.average([0.70, 0.76], weights=weights)
    assert found.accuracy[1:3] == pytest.approx([pooled, pooled], abs=1e-4)
    assert list(found.accuracy) == sorted(found.accuracy, reverse=True)


def test_too_few_plans_and_losses_alone_give_no_curve() -> None:
    four = [measured(0.9 - 0.1 * i) for i in range(4)]
    assert calibrate(OMEGA[:4], four) is None
    assert calibrate([*OMEGA[:4], OMEGA[3]], [*four, measured(0.5)]) is None, "five plans of four Ω"
    assert calibrate([*OMEGA[:4], -1.0], [*four, measured(0.5)]) is None, "no logarithm"
    without = MeasuredPlan(0, (2,), (8,), 1, 1, 9, 1.0, 0.1, None, None, 0.1, 0.1, None, None)
    assert calibrate(OMEGA, [without] * 5) is None
    certain = calibrate(OMEGA, [measured(1.0, noise=0.0) for _ in range(5)])
    assert certain is not None
    found = certain.at(1.0)
    assert found is not None
    assert (found.value, found.stderr > 0) == (1.0, True), "all right on 1,000 images is not certain"


def test_the_band_covers_about_what_it_says() -> None:
    """Plans whose accuracy scatters about a falling curve, all measured on the same images, for 300 networks: the
    accuracy that unmeasured plans have on all images lies in one standard error about as often as it should."""
    draw = np.random.default_rng(3)
    inside = {1: 0, 2: 0}
    total = 0
    for _ in range(300):
        steep, middle, scatter = draw.uniform(0.8, 3), draw.uniform(-1, 1), draw.uniform(0.002, 0.02)

        def truth(
            x: np.ndarray, *, steep: float = steep, middle: float = middle, by: float = scatter
        ) -> np.ndarray:
            curve = 0.1 + 0.82 / (1 + np.exp(steep * (x - middle)))
            return np.clip(curve + by * draw.standard_normal(len(x)), 0.01, 0.99)

        images = 1000
        hard = draw.uniform(size=images)  # of each image: a network of accuracy p is right on those below p

        def measure(p: float, *, hard: np.ndarray = hard) -> MeasuredPlan:
            own = (hard + 0.02 * draw.standard_normal(len(hard))) < p
            return measured(float(own.mean()), noise=math.sqrt(0.02 * 0.8 / len(own)))

        x = np.sort(np.concatenate([[-4.0, 4.0], draw.uniform(-4, 4, 14)]))
        curve = calibrate(np.exp(x).tolist(), [measure(p) for p in truth(x)])
        assert curve is not None
        new = draw.uniform(-4, 4, 20)
        value, band = curve.along(np.exp(new))
        off = np.abs(value - truth(new)) / band
        total += len(new)
        for level in inside:
            inside[level] += int((off <= level).sum())
    assert 0.62 <= inside[1] / total <= 0.85
    assert 0.92 <= inside[2] / total <= 0.995
