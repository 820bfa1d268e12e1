"""Rules that choose a step. One file a rule; a rule returns an Affine and never applies it.

To add one: write `choose(x, grid, *, axis, scheme) -> Affine` in a file of its own and enter it in RULES.
"""

from __future__ import annotations

from typing import Protocol

from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers.grid import Grid, Scheme
from explorer.quantizers.steps import min_max, mse
from explorer.quantizers.uniform import Affine


class StepRule(Protocol):
    def __call__(self, x: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme) -> Affine: ...


RULES: dict[str, StepRule] = {"min-max": min_max.choose, "mse": mse.choose}


def choose(rule: str, x: Tensor, grid: Grid, axis: int | None = None, scheme: Scheme = "symmetric") -> Affine:
    """The step (and, if affine, the zero point) that `rule` gives x on `grid`; per channel along `axis`."""
    if rule not in RULES:
        raise QuantizerError(f"unknown step rule {rule!r}: choose one of {', '.join(RULES)}")
    return RULES[rule](x, grid, axis=axis, scheme=scheme)


__all__ = ["RULES", "StepRule", "choose"]
