"""Lesson 2 against the lecture's numbers, and the two forms of its quantizer against each other."""

import numpy as np
import pytest
import torch

from explorer.errors import LessonError
from explorer.lessons import quantizing
from explorer.quantizers import Affine, Grid, fake_quantize


def test_the_lecture_s_matrix() -> None:
    """Slides “How to quantize?”: s = 255; 0.90 is the tie 101.5, which goes to the even 102."""
    steps = quantizing.affine(quantizing.MATRIX, 8)
    assert steps.scale == 255
    assert steps.stored.tolist() == [
        [119, 35, 61, 127],
        [20, 86, 86, 79],
        [-128, -82, 102, -57],
        [17, 117, 76, 79],
    ]
    assert np.abs(steps.error).max() == pytest.approx(1 / 510)


@pytest.mark.parametrize("bits", [2, 3, 5, 8])
def test_symmetric_is_the_library_s_quantizer(bits: int) -> None:
    x = np.linspace(-2.3, 3.1, 400)
    steps = quantizing.symmetric(x, bits)
    most = 2 ** (bits - 1) - 1
    q = Affine(torch.tensor(3.1 / most, dtype=torch.float64), None, Grid(bits, -most, most))
    assert steps.back == pytest.approx(fake_quantize(torch.from_numpy(x), q).numpy())
    assert 0.0 in steps.back.round(12) or bits == 1


def test_the_two_parts_of_the_error_are_the_whole_and_behave_as_the_lesson_says() -> None:
    """Rounding of evenly spread values inside the clip is Δ²/12; clipping falls as the clip grows."""
    x = np.linspace(-1, 1, 20_001)
    rounding, clipping = quantizing.clip_errors(x, 6, 1.0)
    assert clipping == 0
    assert rounding == pytest.approx((1 / 31) ** 2 / 12, rel=0.02)
    curve = quantizing.clip_curve(x, 3)
    whole = [np.square(quantizing.symmetric(x, 3, clip).error).mean() for clip in curve.clips]
    assert curve.total == pytest.approx(np.array(whole))
    assert (np.diff(curve.clipping) <= 0).all()


def test_a_step_a_channel_saves_the_small_channel() -> None:
    """A channel a thousandth as large rounds to nothing with the shared step, and keeps all its levels with its own."""
    row = torch.linspace(-1, 1, 101)
    found = quantizing.channels(torch.stack([row, row / 1000]), 4)
    assert found.tensor[1] == pytest.approx(1.0)
    assert found.channel[1] == pytest.approx(found.channel[0])
    assert found.channel_total <= found.tensor_total


def test_an_empty_range_is_a_sentence() -> None:
    with pytest.raises(LessonError, match="is empty"):
        quantizing.affine(np.ones(3), 8)
