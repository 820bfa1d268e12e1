"""Rules that choose a step. One file a rule; a rule returns an Affine and never applies it.

A rule is named "mse", or with its parameter, "lp:3". To add one: write `choose(x, grid, *, axis, scheme) ->
Affine` in a file of its own and enter it in RULES; one with a parameter goes into FAMILIES.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers.grid import Grid, Scheme
from explorer.quantizers.steps import aciq, kl, lp, min_max, mse, percentile
from explorer.quantizers.uniform import Affine


class StepRule(Protocol):
    def __call__(self, x: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme) -> Affine: ...


RULES: dict[str, StepRule] = {
    "min-max": min_max.choose,
    "mse": mse.choose,
    "aciq-laplace": partial(aciq.choose, prior="laplace"),
    "aciq-gauss": partial(aciq.choose, prior="gauss"),
    "kl": kl.choose,
}

# "name:parameter", with an example of the parameter for messages
FAMILIES: dict[str, tuple[Callable[[float], StepRule], str]] = {
    "lp": (lambda p: partial(lp.choose, p=lp.check_p(p)), "3"),
    "percentile": (lambda q: partial(percentile.choose, percent=percentile.check_percent(q)), "99.9"),
}


def named(rule: str) -> StepRule:
    """The rule of that name.

    Raises:
        QuantizerError: there is none, or its parameter is no number it can take.
    """
    if rule in RULES:
        return RULES[rule]
    family, _, parameter = rule.partition(":")
    try:
        value = float(parameter) if family in FAMILIES else None
    except ValueError:
        value = None
    if value is None:
        examples = [f"{name}:{example}" for name, (_, example) in FAMILIES.items()]
        raise QuantizerError(
            f"unknown step rule {rule!r}: choose one of {', '.join(RULES)}, or with a number of your own "
            f"{' or '.join(examples)}"
        )
    return FAMILIES[family][0](value)


def choose(rule: str, x: Tensor, grid: Grid, axis: int | None = None, scheme: Scheme = "symmetric") -> Affine:
    """The step (and, if affine, the zero point) that `rule` gives x on `grid`; per channel along `axis`."""
    return named(rule)(x, grid, axis=axis, scheme=scheme)


__all__ = ["FAMILIES", "RULES", "StepRule", "choose", "named"]
