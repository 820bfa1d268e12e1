"""Steps that were found elsewhere, such as by LAPQ, and are given to a network instead of chosen by a rule.

One step a tensor. The weight's grid is the signed one of its bits; the input's is unsigned where it was never seen
negative. A tensor without a given step gets the one of the rule in force.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers.bias_correction import BiasCorrection, check_bias_correction
from explorer.quantizers.grid import Grid
from explorer.quantizers.uniform import Affine


@dataclass(frozen=True)
class LayerSteps:
    """Steps of one layer: of its weight and of its input; None: not given."""

    w_step: float | None = None
    a_step: float | None = None
    a_signed: bool = True

    def __post_init__(self) -> None:
        for what, step in (("weight", self.w_step), ("input", self.a_step)):
            if step is not None and not 0 < step < math.inf:
                raise QuantizerError(f"the step of the {what} is {step:g}; it must be positive and finite")

    def to_json(self) -> dict[str, Any]:
        """Plain data, without what is not given."""
        content: dict[str, Any] = {} if self.w_step is None else {"w_step": self.w_step}
        return (
            content if self.a_step is None else {**content, "a_step": self.a_step, "a_signed": self.a_signed}
        )


@dataclass(frozen=True)
class GivenSteps:
    """Steps by layer name, and the bias correction of weights that they were found with."""

    layers: Mapping[str, LayerSteps]
    bias_correction: BiasCorrection = "none"

    def __post_init__(self) -> None:
        check_bias_correction(self.bias_correction)
        object.__setattr__(self, "layers", MappingProxyType(dict(self.layers)))

    def __hash__(self) -> int:
        return hash((frozenset(self.layers.items()), self.bias_correction))

    def __reduce__(self) -> tuple[Any, ...]:
        return GivenSteps, (dict(self.layers), self.bias_correction)  # a mapping proxy cannot be pickled

    def to_json(self) -> dict[str, Any]:
        """Plain data, as in plan.json."""
        layers = {name: steps.to_json() for name, steps in self.layers.items()}
        return {"layers": layers, "bias_correction": self.bias_correction}


def given_affine(step: float, bits: int, like: Tensor, *, signed: bool) -> Affine:
    """A symmetric quantizer with this step for a whole tensor."""
    grid = Grid.signed(bits) if signed else Grid.unsigned(bits)
    return Affine(like.new_tensor(step), None, grid, None)
