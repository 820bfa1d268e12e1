"""Lesson 2, quantizing a tensor: affine and symmetric, clip against resolution, one step or one a channel.

In the lecture ("How to quantize?") the scale multiplies and the offset is the smallest value itself:

    s = (qmax - qmin) / (hi - lo)      q = clip(round(s (x - lo) + qmin), qmin, qmax)      x^ = (q - qmin) / s + lo

The library, like hardware, divides by a step and moves by a whole zero point: x^ = step (q - z), step = 1 / s, z about
qmin - s lo (`explorer.quantizers.uniform`). Ties round to the even neighbour, as in IEEE 754 and PyTorch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.errors import LessonError
from explorer.evaluation import evaluate
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.quantizers import FLOAT_BITS, Grid, QuantizerSettings, fake_quantize, steps
from explorer.studies import Study
from explorer.watching import Part, Watcher

# The 4 x 4 example of the lecture.
MATRIX = np.array(
    [[0.97, 0.64, 0.74, 1.00], [0.58, 0.84, 0.84, 0.81], [0.00, 0.18, 0.90, 0.28], [0.57, 0.96, 0.80, 0.81]]
)


@dataclass(frozen=True, eq=False)
class Steps:
    """Every step from values to whole numbers and back; arrays have the shape of the values.

    Attributes:
        scale: s, whole numbers per unit of x.
        low: the value that the lowest whole number stands for.
        qmin, qmax: ends of the grid.
        scaled: s (x - low) + qmin.
        rounded: the nearest whole numbers, ties to even.
        stored: the rounded ones within the grid.
        back: the values that they stand for.
    """

    scale: float
    low: float
    qmin: int
    qmax: int
    x: np.ndarray
    scaled: np.ndarray
    rounded: np.ndarray
    stored: np.ndarray
    back: np.ndarray

    @property
    def error(self) -> np.ndarray:
        """x^ - x."""
        error: np.ndarray = self.back - self.x
        return error


def affine(x: np.ndarray, bits: int, low: float | None = None, high: float | None = None) -> Steps:
    """Quantize to signed whole numbers of so many bits, the range from ``low`` to ``high`` onto the whole grid.

    Args:
        low, high: by default the smallest and the largest value.

    Raises:
        LessonError: the range is empty.
    """
    x = np.asarray(x, float)
    low, high = float(x.min()) if low is None else low, float(x.max()) if high is None else high
    if not high > low:
        raise LessonError(
            f"the range from {low:g} to {high:g} is empty; give an upper end above the lower one"
        )
    grid = Grid.signed(bits)
    return _steps(x, (grid.qmax - grid.qmin) / (high - low), low, grid.qmin, grid.qmax)


def symmetric(x: np.ndarray, bits: int, reach: float | None = None) -> Steps:
    """Quantize with zero at zero: whole numbers from -(2^(b-1) - 1) to 2^(b-1) - 1 over -reach to reach.

    Args:
        reach: by default the largest magnitude.

    Raises:
        LessonError: the reach is not above 0.
    """
    x = np.asarray(x, float)
    reach = float(np.abs(x).max()) if reach is None else reach
    if not reach > 0:
        raise LessonError(f"the reach is {reach:g}; give one above 0")
    most = Grid.signed(bits).qmax
    return _steps(x, most / reach, -reach, -most, most)


def _steps(x: np.ndarray, scale: float, low: float, qmin: int, qmax: int) -> Steps:
    # Decimal inputs such as 0.90 are not what the binary number is: a tie of the decimals is taken as one.
    scaled = np.round(scale * (x - low) + qmin, 9)
    rounded = np.round(scaled)
    stored = rounded.clip(qmin, qmax)
    return Steps(scale, low, qmin, qmax, x, scaled, rounded, stored, (stored - qmin) / scale + low)


@dataclass(frozen=True, eq=False)
class ClipCurve:
    """Mean squared error of a tensor against where it is clipped; the error is the sum of both parts.

    Attributes:
        clips: from 0 to max |x|, (C,).
        rounding: of the values within the clip, (C,).
        clipping: of those beyond it, (C,).
    """

    clips: np.ndarray
    rounding: np.ndarray
    clipping: np.ndarray

    @property
    def total(self) -> np.ndarray:
        """The mean squared error."""
        total: np.ndarray = self.rounding + self.clipping
        return total

    @property
    def best(self) -> float:
        """The clip of least error."""
        return float(self.clips[int(self.total.argmin())])


def clip_errors(x: np.ndarray, bits: int, clip: float) -> tuple[float, float]:
    """Mean squared error of symmetric quantization at a clip, in two parts: of values within it, and beyond it."""
    squared = np.square(symmetric(x, bits, clip).error)
    beyond = np.abs(x) > clip
    return float(squared[~beyond].sum() / x.size), float(squared[beyond].sum() / x.size)


def clip_curve(x: np.ndarray, bits: int, points: int = 60) -> ClipCurve:
    """The errors at clips evenly spread up to the largest magnitude."""
    clips = np.abs(x).max() * np.arange(1, points + 1) / points
    parts = np.array([clip_errors(x, bits, clip) for clip in clips])
    return ClipCurve(clips, parts[:, 0], parts[:, 1])


@dataclass(frozen=True, eq=False)
class Channels:
    """A weight quantized with one step, and with one a channel, by the smallest step that clips nothing.

    Attributes:
        reach: largest magnitude of every output channel, (channels,).
        tensor, channel: relative squared error of every channel, its squared error over its squared norm.
        tensor_total, channel_total: the same of the whole weight.
    """

    reach: np.ndarray
    tensor: np.ndarray
    channel: np.ndarray
    tensor_total: float
    channel_total: float


def channels(weight: Tensor, bits: int) -> Channels:
    """Both ways of a weight (out, ...)."""
    grid, rows = Grid.signed(bits), weight.flatten(1).double()
    norms = rows.square().sum(1)
    errors = [
        (fake_quantize(rows, steps.choose("min-max", rows, grid, axis=axis)) - rows).square().sum(1)
        for axis in (None, 0)
    ]
    shares = [(each / norms).numpy() for each in errors]
    totals = [float(each.sum() / norms.sum()) for each in errors]
    return Channels(rows.abs().amax(1).numpy(), shares[0], shares[1], totals[0], totals[1])


def zero_point(low: float, high: float, bits: int) -> tuple[float, int]:
    """The step and the whole zero point of the unsigned grid over a range that holds zero (Jacob et al., section 2.1).

    >>> zero_point(-1.5, 2.5, 8)[1]
    96
    """
    grid = Grid.unsigned(bits)
    ends = torch.tensor([low, high], dtype=torch.float64)
    q = steps.choose("min-max", ends, grid, scheme="affine")
    assert q.zero_point is not None
    return float(q.step), int(q.zero_point)


def accuracy(study: Study, watcher: Watcher, *, bits: str, rule: str) -> Values:
    """Test accuracy with quantized weights, one step a tensor against one a channel; activations stay in FP32.

    Args:
        bits: widths, as in ``8,4``.
        rule: that chooses the step.
    """
    layers = [layer.name for block in study.blocks() for layer in block.layers]
    asked = [(granularity, int(width)) for granularity in ("tensor", "channel") for width in bits.split(",")]
    rows = []
    for n, (granularity, width) in enumerate([("none", FLOAT_BITS), *asked]):
        watcher.check_stop()
        part = Part(watcher, n / (len(asked) + 1), (n + 1) / (len(asked) + 1))
        settings = QuantizerSettings(
            granularity="tensor" if granularity == "tensor" else "channel", step=rule
        )
        found = evaluate(
            study,
            dict.fromkeys(layers, (width, FLOAT_BITS)) if width != FLOAT_BITS else {},
            weights=settings,
            check=watcher.check_stop,
            progress=lambda share, part=part: part.report(share, "measuring"),  # type: ignore[misc]
        )
        rows.append([granularity, width, found.accuracy, found.accuracy_stderr, found.samples])
    return {"columns": ["granularity", "bits", "accuracy", "stderr", "samples"], "rows": rows}


LONG = {
    "accuracy": LongExperiment(
        accuracy,
        {"bits": frozenset({"8,4", "8,6,4,3", "8,6,5,4,3,2"}), "rule": frozenset({"min-max", "mse"})},
    )
}
