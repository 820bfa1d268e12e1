r"""The quantizers of LAPQ: what the paper says, what its code does, and the project's own, by one formula.

    Q(x) = s (clamp(round(x/s + o), low, high) - o)

for the step s, M bits and

    form       low         high           o              levels of a signed tensor
    integer    -2^(M-1)    2^(M-1) - 1    0              2^M, one of them 0: the grid of every other page
    paper      -2^(M-1)    2^(M-1)        0              2^M + 1 (Nahshan et al. 2019, eq. 1: clipped at ±2^(M-1) s)
    code       0           2^M - 1        (2^M - 1)/2    2^M, the outermost ±c, none of them 0 (uniform.py of its code)

A tensor without negative values has the levels 0 ... 2^M - 1 in every form. The paper's eq. 3 would leave half of
them unused; its code does as here. What is optimised is s; the clip, c = s max(high - o, o - low), is its image.

`learn` is Q with a straight-through derivative (Bengio et al. 2013), which for the step is that of LSQ (Esser et
al. 2020, eq. 3): with u = x/s + o,

    dQ/dx = 1,  dQ/ds = round(u) - u        where low <= u <= high
    dQ/dx = 0,  dQ/ds = the level - o       beyond
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import torch
from torch import Tensor

from explorer.errors import LapqError
from explorer.quantizers.grid import FLOAT_BITS
from explorer.questions.steps import Form

FORMS: tuple[Form, ...] = get_args(Form)
BITS = (2, 3, 4, 5, 6, 7, 8)


def check_bits(what: str, bits: int) -> int:
    """`bits` if LAPQ has such a quantizer, or if it is 32.

    Raises:
        LapqError: it has none.
    """
    if isinstance(bits, bool) or bits not in (*BITS, FLOAT_BITS):
        raise LapqError(
            f"the {what} cannot have {bits} bits here; give 2 to 8, or {FLOAT_BITS} to leave them in FP32"
        )
    return bits


@dataclass(frozen=True)
class Levels:
    """The levels of one quantizer in units of its step, low - offset ... high - offset."""

    low: int
    high: int
    offset: float

    @staticmethod
    def of(form: Form, bits: int, *, signed: bool) -> Levels:
        """
        >>> Levels.of("integer", 4, signed=True)
        Levels(low=-8, high=7, offset=0.0)
        """
        if form not in FORMS:
            raise LapqError(f"there is no form of quantizer {form!r}; use one of {', '.join(FORMS)}")
        if not signed:
            return Levels(0, 2**bits - 1, 0.0)
        if form == "code":
            return Levels(0, 2**bits - 1, (2**bits - 1) / 2)
        return Levels(-(2 ** (bits - 1)), 2 ** (bits - 1) - (form == "integer"), 0.0)

    @property
    def count(self) -> int:
        """How many levels there are."""
        return self.high - self.low + 1

    @property
    def reach(self) -> float:
        """The outermost level, in steps: the clip is this many steps."""
        return max(self.high - self.offset, self.offset - self.low)

    def covering(self, low: float, high: float) -> float:
        """The smallest step that clips nothing between low and high."""
        up, down = self.high - self.offset, self.offset - self.low
        return max(high / up, -low / down if down else 0.0, torch.finfo(torch.float32).tiny)

    def quantize(self, x: Tensor, step: Tensor) -> Tensor:
        """Q(x), a new tensor; the step broadcasts against x."""
        levels = x / step
        if self.offset:
            return levels.add_(self.offset).round_().clamp_(self.low, self.high).sub_(self.offset).mul_(step)
        return levels.round_().clamp_(self.low, self.high).mul_(step)

    def learn(self, x: Tensor, step: Tensor) -> Tensor:
        """Q(x) for one step, (), with the straight-through derivative."""
        value: Tensor = _Learn.apply(x, step, self)  # type: ignore[no-untyped-call]
        return value


class _Learn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, step: Tensor, levels: Levels) -> Tensor:
        u = x / step
        if levels.offset:
            u.add_(levels.offset)
        within = u.clamp(levels.low, levels.high)
        outside = u != within
        value = within.round_()
        slope = value - u
        if levels.offset:
            value.sub_(levels.offset)
        torch.where(outside, value, slope, out=slope)
        ctx.save_for_backward(slope, outside)
        return value.mul_(step)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        slope, outside = ctx.saved_tensors
        (grad,) = grads
        of_x = grad.masked_fill(outside, 0.0) if ctx.needs_input_grad[0] else None
        of_step = torch.dot(grad.reshape(-1), slope.reshape(-1)) if ctx.needs_input_grad[1] else None
        return of_x, of_step, None
