"""Uniform quantizers, symmetric and affine, per tensor and per channel: how a chosen step is applied.

    q = clamp(round(x / s) + z, qmin, qmax)          x^ = s (q - z)

s is the step (> 0), z the zero point, a whole number (absent means 0: symmetric). Halves round to even. On
the 1-bit signed grid q = sign(x), with sign(0) = +1, and x^ = s sign(x).

A value already on the grid survives exactly, and so does zero wherever the grid has one: x = fl(s k) divided
by s lies within rounding error of k, rounds to k, and gives fl(s k) again.

`gradients` has the same values with a gradient.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.quantizers.grid import Grid


@dataclass(frozen=True, eq=False)
class Affine:
    """A grid laid over the reals. `axis` is the channel dimension of x; None: one step for the whole
    tensor."""

    step: Tensor  # () or (channels,)
    zero_point: Tensor | None  # the step's shape, whole numbers; None means 0
    grid: Grid
    axis: int | None = None

    def over(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """Step and zero point shaped to broadcast against x."""
        if self.axis is None:
            return self.step, self.zero_point
        shape = [1] * x.ndim
        shape[self.axis] = -1
        return self.step.view(shape), None if self.zero_point is None else self.zero_point.view(shape)

    def detached(self) -> Affine:
        """The same, of which no gradient runs."""
        zero_point = None if self.zero_point is None else self.zero_point.detach()
        return Affine(self.step.detach(), zero_point, self.grid, self.axis)


def quantize(x: Tensor, q: Affine) -> Tensor:
    """The whole numbers of x on q's grid, in x's own floating-point type."""
    step, zero_point = q.over(x)
    if q.grid.is_sign:
        return _sign(x)
    return _round(x, step, zero_point).clamp_(q.grid.qmin, q.grid.qmax)


def dequantize(integers: Tensor, q: Affine) -> Tensor:
    """The values that whole numbers stand for."""
    step, zero_point = q.over(integers)
    return integers * step if zero_point is None else (integers - zero_point).mul_(step)


def fake_quantize(x: Tensor, q: Affine) -> Tensor:
    """x moved to the nearest value q can represent; a new tensor, x is left alone."""
    return on_grid(x.detach(), q)


def clipped(x: Tensor, q: Affine, half: float = 0.5) -> Tensor:
    """Where x lies beyond the outermost levels by more than ``half`` of the distance of two, see `gradients`."""
    x = x.detach()
    step, zero_point = q.over(x)
    zero = 0.0 if zero_point is None else zero_point
    reach = half * (2 if q.grid.is_sign else 1)
    return (x < (q.grid.qmin - zero - reach) * step) | (x > (q.grid.qmax - zero + reach) * step)


def on_grid(x: Tensor, q: Affine) -> Tensor:
    """The nearest values that q can represent, without a gradient of their own (`gradients`)."""
    step, zero_point = q.over(x)
    if q.grid.is_sign:
        return _sign(x).mul_(step)
    if zero_point is None or zero_point.ndim == 0:  # the grid moves by whole numbers instead of every value
        zero = 0.0 if zero_point is None else float(zero_point)
        return (x / step).round_().clamp_(q.grid.qmin - zero, q.grid.qmax - zero).mul_(step)
    return _round(x, step, zero_point).clamp_(q.grid.qmin, q.grid.qmax).sub_(zero_point).mul_(step)


def _round(x: Tensor, step: Tensor, zero_point: Tensor | None) -> Tensor:
    integers = (x / step).round_()
    return integers if zero_point is None else integers.add_(zero_point)


def _sign(x: Tensor) -> Tensor:
    return torch.ones_like(x).masked_fill_(x < 0, -1.0)
