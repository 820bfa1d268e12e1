"""Min-max: the smallest step that clips nothing.

    symmetric   s = max(max x / qmax, min x / qmin)              (an unsigned grid has only the first term)
    affine      s = (hi - lo) / (qmax - qmin),  z = qmin - round(lo / s),
                lo = min(0, min x),  hi = max(0, max x)
    sign        s = mean |x|                                     (XNOR-Net: Rastegari et al. 2016, eq. 6)

HAWQ-V3 takes max|x| / (2^(b-1) - 1) (its quant_utils.py), which leaves the lowest level unused. Here the
level -2^(b-1) is used if the extreme value is negative: the step is never larger, and a tensor that was
quantized before is given its own step back. With the affine range widened to hold zero, zero is on the grid;
rounding z moves the range by at most half a step, so the error of every value stays within half a step.

A row of zeros has no extent; its step is 1 (sign: 0), finite, and it stays zeros.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers.grid import Grid, Scheme
from explorer.quantizers.steps.rows import as_rows, check_finite, extremes
from explorer.quantizers.uniform import Affine, fake_quantize


def choose(x: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme) -> Affine:
    """The min-max step of x."""
    rows = as_rows(x, axis)
    low, high = extremes(rows)
    if grid.is_sign:
        step = rows.double().abs().mean(dim=1).to(x.dtype)
        q = Affine(step, None, grid, 0)
    else:
        q = _settle(rows, from_range(low, high, grid, axis=0, scheme=scheme))
    return along(q, axis)


def from_range(low: Tensor, high: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme) -> Affine:
    """The min-max step of values known only by their extremes, as a calibration collects them."""
    if grid.is_sign:
        raise QuantizerError(
            "a 1-bit signed grid takes its step from mean |x|, not from a range: choose the step rule min-max, "
            "mse or lp, or more bits"
        )
    check_finite(low, high)
    lo, hi = low.double().clamp(max=0), high.double().clamp(min=0)  # double: hi - lo must not overflow
    if scheme == "affine":
        step = _positive((hi - lo) / (grid.qmax - grid.qmin), low.dtype)
        zero_point = (grid.qmin - (lo / step.double()).round()).to(low.dtype)
        return Affine(step, zero_point, grid, axis)
    step = hi / grid.qmax
    if grid.qmin < 0:
        step = torch.maximum(step, lo / grid.qmin)
    return Affine(_positive(step, low.dtype), None, grid, axis)


def along(q: Affine, axis: int | None) -> Affine:
    """A step chosen on rows, for the tensor the rows came from: along `axis`, or one scalar."""
    if axis is not None:
        return replace(q, axis=axis)
    zero_point = None if q.zero_point is None else q.zero_point.reshape(())
    return replace(q, step=q.step.reshape(()), zero_point=zero_point, axis=None)


def _positive(step: Tensor, dtype: torch.dtype) -> Tensor:
    tiny = torch.finfo(dtype).tiny
    return torch.where(step > 0, step.clamp(min=tiny), torch.ones_like(step)).to(dtype)


def _settle(rows: Tensor, q: Affine) -> Affine:
    """q, or a neighbouring floating-point step under which the row survives exactly.

    fl(fl(s k) / k) is s or the number next to s, so the extreme value of a row on a grid does not always give
    the grid's own step back. Only rows within rounding error of a grid are looked at.
    """
    residual = (fake_quantize(rows, q) - rows).abs().amax(dim=1)
    blur = 2 * torch.finfo(rows.dtype).eps * (1 << q.grid.bits) * q.step
    near = (residual > 0) & (residual <= blur)
    if not near.any():
        return q
    step = q.step.clone()
    for towards in (0.0, float("inf")):
        neighbour = torch.nextafter(q.step, torch.full_like(q.step, towards))
        exact = (fake_quantize(rows, replace(q, step=neighbour)) == rows).all(dim=1)
        step = torch.where(near & exact, neighbour, step)
    return replace(q, step=step)
