"""Lesson 6: the means of both formulas, the scale of least error, clipping, and the memory."""

import numpy as np
import pytest

from explorer.lessons import binaryconnect
from explorer.lessons.common import material


@pytest.mark.parametrize("w", [-1.0, -0.4, 0.0, 0.7, 1.0])
def test_the_paper_s_weight_is_right_on_average_and_the_slide_s_is_not(w: float) -> None:
    """Eq. 3: E w_b = w on [-1, 1]. The slide: 2 clip(w, 0, 1) - 1, never +1 for w <= 0."""
    assert 2 * binaryconnect.chance(np.array(w), "original") - 1 == pytest.approx(w)
    paper, slide = (binaryconnect.drawn(w, name, 4000, again=3) for name in binaryconnect.FORMULAS)
    assert abs(paper.value - w) <= 4 * paper.stderr
    assert abs(slide.value - (2 * max(w, 0) - 1)) <= 4 * slide.stderr
    if w <= 0:
        assert slide.value == -1


def test_signs_with_the_mean_magnitude_lose_least() -> None:
    found = binaryconnect.filters("layer1.0.conv1", "deterministic", 0)
    assert (np.sign(found.binary) == np.sign(found.real)).all()
    assert np.abs(found.binary) == pytest.approx(
        np.broadcast_to(found.scale[:, None, None], found.real.shape)
    )
    drawn = binaryconnect.filters("layer1.0.conv1", "stochastic", 0)
    assert found.error < drawn.error
    assert (drawn.binary != binaryconnect.filters("layer1.0.conv1", "stochastic", 1).binary).any()


def test_clipping_bounds_the_real_weights_and_binary_ones_learn() -> None:
    bound, free = (binaryconnect.train("deterministic", 30, 0.2, clipping) for clipping in (True, False))
    assert np.abs(bound.real).max() <= 1 < np.abs(free.real).max()
    assert set(np.unique(bound.seen)) == {-1.0, 1.0}
    assert bound.accuracy.value > 0.5, "ten classes: chance is 0.1"


def test_memory_counts_what_stays_in_full_precision() -> None:
    """26,345 weights, 245 of them in FP32."""
    full, binary = binaryconnect.memory(material.study())
    assert full == 26_345 * 4
    assert binary == pytest.approx(245 * 4 + 26_100 / 8, abs=20)
