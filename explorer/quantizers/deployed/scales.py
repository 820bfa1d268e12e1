r"""Factors of output channels, such as those of a batch normalisation, taken into the scales of a quantized weight.

With w^ = s (q - z) and a factor a of a channel, a w^ = s' (q' - z') where s' = |a| s and

    a > 0   q' = q, z' = z
    a < 0   q' = -q (z = 0; clamped, since -qmin is above qmax), or qmin + qmax - q and qmin + qmax - z, which is exact
    a = 0   q' = z' = z, and s' is the median of the others, so that a bias in units of s' keeps its precision

The integers of channels with a > 0 stay to the bit (Jacob et al. 2018, sec. 3.2, fold before they round instead).
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from explorer.errors import ExportError
from explorer.quantizers.stored import QuantizedWeight
from explorer.quantizers.uniform import Affine


def scaled(weight: QuantizedWeight, factor: Tensor, *, channels: int) -> tuple[QuantizedWeight, int]:
    """A weight times a factor an output channel, and how many of its integers had to be clamped.

    Args:
        factor: (channels,) float64, of either sign.
        channels: the axis of the output channels.

    Raises:
        ExportError: a factor is 0 and the grid, {-1, +1}, has no zero.
    """
    affine, grid = weight.affine, weight.affine.grid
    if grid.is_sign and bool((factor == 0).any()):
        raise ExportError("its batch normalisation has γ = 0, and 1-bit weights have no zero; give it 2 bits")
    step = (affine.step.double() * factor.abs()).expand_as(factor)
    zero_point = None if affine.zero_point is None else affine.zero_point.expand_as(factor)
    q = weight.integers.long().movedim(channels, -1)
    flipped, clamped = factor < 0, 0
    if zero_point is None:
        turned = -q
        clamped = int(((turned > grid.qmax) & flipped).sum())
        q = torch.where(flipped, turned.clamp(grid.qmin, grid.qmax), q)
    else:
        q = torch.where(flipped, grid.qmin + grid.qmax - q, q)
        zero_point = torch.where(flipped, grid.qmin + grid.qmax - zero_point, zero_point)
    zero = torch.zeros_like(factor) if zero_point is None else zero_point
    q = torch.where(factor == 0, zero.long(), q).movedim(-1, channels)
    folded = Affine(step.to(affine.step.dtype), zero_point, grid, channels)
    return replace(weight, integers=q.to(weight.integers.dtype), affine=folded), clamped


def with_steps_of_empty_channels(weight: QuantizedWeight) -> QuantizedWeight:
    """The same weight, whose channels of zeros alone have the median step of the others (1 if there are none).

    Such a channel's step means nothing to its values, but everything to a bias in units of it.
    """
    affine = weight.affine
    if affine.axis is None:
        return weight
    rows = weight.dequantize().movedim(affine.axis, 0).flatten(1)
    empty = (rows == 0).all(dim=1)
    if not bool(empty.any()) or affine.grid.is_sign:
        return weight
    others = affine.step[~empty]
    step = torch.where(
        empty, others.median() if len(others) else torch.ones_like(affine.step[0]), affine.step
    )
    return replace(weight, affine=replace(affine, step=step))
