r"""Bias correction of weights: quantization moves the mean of a channel; move it back.

Banner et al. 2019 (ACIQ), sec. 4.2. Of output channel c with weights w and quantized weights ŵ:

    mean             ŵ' = ŵ + E w - E ŵ
    mean-variance    ŵ' = σ(w)/σ(ŵ) (ŵ - E ŵ) + E w

so with one scale a and one offset b a channel ŵ' = a ŵ + b: a = 1 or σ(w)/σ(ŵ), b = E w - a E ŵ. Corrected weights
are no multiples of the step any more; who stores integers stores a and b beside them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import torch
from torch import Tensor

from explorer.errors import QuantizerError

BiasCorrection = Literal["none", "mean", "mean-variance"]
BIAS_CORRECTIONS: tuple[BiasCorrection, ...] = get_args(BiasCorrection)


@dataclass(frozen=True, eq=False)
class Correction:
    """What is done to the quantized weights of each output channel."""

    scale: Tensor  # (channels,)
    offset: Tensor  # (channels,)
    axis: int

    def apply(self, value: Tensor) -> Tensor:
        """scale · value + offset, a new tensor."""
        shape = [1] * value.ndim
        shape[self.axis] = -1
        return value * self.scale.view(shape) + self.offset.view(shape)


def correction(value: Tensor, weight: Tensor, *, kind: BiasCorrection, axis: int = 0) -> Correction:
    """The scale and offset for a weight and its quantized `value`; 1 and 0 for "none".

    Differentiable, so that weights and steps can be learned through it. A channel of one value, quantized or not,
    keeps the scale 1.
    """
    check_bias_correction(kind)
    rows, quantized = (t.movedim(axis, 0).flatten(1).double() for t in (weight, value))
    scale, offset = torch.ones_like(rows[:, 0]), torch.zeros_like(rows[:, 0])
    if kind != "none":
        if kind == "mean-variance":
            wanted, spread = rows.var(dim=1, correction=0), quantized.var(dim=1, correction=0)
            flat = (wanted == 0) | (spread == 0)
            scale = (torch.where(flat, 1.0, wanted) / torch.where(flat, 1.0, spread)).sqrt()
        offset = rows.mean(dim=1) - scale * quantized.mean(dim=1)
    return Correction(scale.to(weight.dtype), offset.to(weight.dtype), axis)


def corrected(value: Tensor, weight: Tensor, *, kind: BiasCorrection, axis: int = 0) -> Tensor:
    """The quantized `value` of a weight, corrected; itself for "none"."""
    if kind == "none":
        return value
    return correction(value, weight, kind=kind, axis=axis).apply(value)


def check_bias_correction(kind: str) -> None:
    """Raise a QuantizerError if there is no such correction."""
    if kind not in BIAS_CORRECTIONS:
        raise QuantizerError(f"unknown bias correction {kind!r}: choose one of {', '.join(BIAS_CORRECTIONS)}")
