r"""Quantizers with a gradient: for the tensor and, if it is learned, for the step.

    x^ = s clamp(round(x / s), n, p)          n = qmin - z,  p = qmax - z

Rounding counts as the identity, clamping as what it is (Bengio, Leonard and Courville 2013). With the clip range
l < x / s < h

    dx^/dx = 1 inside, 0 outside
    dx^/ds = (x^ - x) / s inside, n or p outside               "rounding": LSQ (Esser et al. 2020, eq. 3)
             0 inside,            n or p outside               "clip": PACT (Choi et al. 2018, eq. 3), whose α is p s

(l, h) is (n, p) widened by `half` of the distance of two levels: 0 for the exact gradient of the clamp, which LSQ and
PACT take, 1/2 for the straight-through estimator, which passes wherever rounding stays on the grid. On the 1-bit signed
grid x^ = s sign(x), the levels -1 and 1 are two apart, and the same formulas hold. A grid without negative levels
passes at x = 0.

Nothing is kept for the backward pass but x and x^, which are there anyway, and both passes are a few vectorised
operations. Since dx = g inside and 0 outside,

    ds = (g.x^ - dx.x) / s              "rounding", as two dot products
    ds = (g - dx).x^ / s                "clip"

The two products nearly cancel where the grid is fine; above 8 bits, and with a step a channel, ds is the sum of
g (x^ - [inside] x) / s instead. torch's own learnable fake-quantize operators take the mask after rounding, so their
gradient of the step is another one, off by a fifth at 4 bits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from explorer.quantizers.grid import Grid
from explorer.quantizers.uniform import Affine, on_grid

_SUMMED_BITS = 8  # up to which the difference of two dot products has digits enough
_HAIR = -1e-30  # below zero, so that the open clip range of an unsigned grid holds zero

StepGradient = Literal["rounding", "clip"]


def straight_through(x: Tensor, q: Affine) -> Tensor:
    """`fake_quantize(x, q)` whose gradient is the identity where rounding stays on the grid, and zero elsewhere."""
    return rounded(x, q.detached(), half=0.5)


def rounded(
    x: Tensor, q: Affine, *, half: float = 0.0, of_step: StepGradient = "rounding", scale: float = 1.0
) -> Tensor:
    """`fake_quantize(x, q)` with gradients for ``x`` and for ``q.step``, each if it is wanted.

    Args:
        x: of any shape and memory layout.
        half: by how much of the distance of two levels the clip range reaches beyond the outermost.
        of_step: what the gradient of the step is.
        scale: that the gradient of the step is multiplied by.
    """
    ends = _Ends(q.grid, half, q.axis)
    value: Tensor = _Rounded.apply(x, q.step, q.zero_point, ends, of_step, scale)  # type: ignore[no-untyped-call]
    return value


def passing(x: Tensor, value: Tensor) -> Tensor:
    """``value`` in a tensor of its own, whose gradient goes to ``x`` as it is."""
    passed: Tensor = _Passing.apply(x, value)  # type: ignore[no-untyped-call]
    return passed


@dataclass(frozen=True)
class _Ends:
    """The grid and where the clip range ends on it."""

    grid: Grid
    half: float
    axis: int | None

    def of(self, zero_point: float = 0.0) -> tuple[float, float]:
        """Both ends in steps, with the zero point taken off."""
        beyond = self.half * (2 if self.grid.is_sign else 1)
        low = self.grid.qmin - zero_point - beyond
        return low if low != 0 else _HAIR, self.grid.qmax - zero_point + beyond


class _Rounded(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        step: Tensor,
        zero_point: Tensor | None,
        ends: _Ends,
        of_step: StepGradient,
        scale: float,
    ) -> Tensor:
        value = on_grid(x, Affine(step, zero_point, ends.grid, ends.axis))
        ctx.save_for_backward(x, value, step, zero_point)
        ctx.ends, ctx.of_step, ctx.scale = ends, of_step, scale
        return value

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        x, value, step, zero_point = ctx.saved_tensors
        (g,) = grads
        inside = _Inside(x, step, zero_point, ctx.ends)
        dx = inside.of(g)
        ds = None
        if ctx.needs_input_grad[1]:
            if ctx.of_step == "clip":
                ds = _sum_of_products(g - dx, value, ctx.ends.axis)
            elif ctx.ends.axis is None and ctx.ends.grid.bits <= _SUMMED_BITS:
                ds = _sum_of_products(g, value, None) - _sum_of_products(dx, x, None)
            else:
                ds = _sum_of_products(g, value - inside.of(x), ctx.ends.axis)
            ds = (ds * ctx.scale / step).to(step.dtype)
        return dx if ctx.needs_input_grad[0] else None, ds, None, None, None, None


class _Inside:
    """What lies inside the clip range of x."""

    def __init__(self, x: Tensor, step: Tensor, zero_point: Tensor | None, ends: _Ends) -> None:
        if ends.axis is None:
            zero, s = 0.0 if zero_point is None else float(zero_point), float(step)
            low, high = ends.of(zero)
            self._at, self._low, self._high = x, low * s, high * s
        else:
            over, zero_over = Affine(step, zero_point, ends.grid, ends.axis).over(x)
            self._at = x / over
            if zero_over is not None:
                self._at = self._at + zero_over
            self._low, self._high = ends.of()

    def of(self, tensor: Tensor) -> Tensor:
        """The tensor inside, zero outside."""
        kept: Tensor = torch.ops.aten.hardtanh_backward(tensor, self._at, self._low, self._high)
        return kept


def _sum_of_products(a: Tensor, b: Tensor, axis: int | None) -> Tensor:
    """a.b over all values, or over those of each channel along ``axis``."""
    if axis is not None:
        product = a * b
        others = [d for d in range(product.ndim) if d != axis % product.ndim]
        return product.sum(dim=others) if others else product
    strides = b.stride()
    order = sorted(range(b.ndim), key=lambda d: -strides[d])  # a view of b, whichever its memory layout
    first, second = (t.permute(order).reshape(-1) for t in (a, b))
    return torch.dot(first, second)


class _Passing(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, value: Tensor) -> Tensor:
        return value.clone()  # an input handed through would be a view

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        return grads[0], None
