r"""DUAL: a weight as the sum of two low-bit tensors, T ≈ Q₁(T) + Q₂(T - Q₁(T)).

Kravchik et al. 2019, "Low-bit quantization of neural networks for efficient inference" (arXiv 1902.06822), replace
the tensors whose squared error is worst by two; LAPQ compares with it. Both steps are of least squared error (the rule
of the settings), the second for what the first leaves over. **A reconstruction from the abstract**: the paper may
choose the two steps differently. A dual weight stores twice the bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from explorer.quantizers.settings import WEIGHTS, QuantizerSettings
from explorer.quantizers.uniform import Affine, fake_quantize
from explorer.quantizers.weights import squared_errors, weight_affine


@dataclass(frozen=True, eq=False)
class Dual:
    """A weight quantized twice.

    Attributes:
        value: the sum of both.
        first, second: the steps.
        extra: how many weights more than the original's are stored.
    """

    value: Tensor
    first: Affine
    second: Affine
    extra: int


def dual(weight: Tensor, bits: int, *, settings: QuantizerSettings = WEIGHTS, axis: int = 0) -> Dual:
    """Quantize a weight, and then what is left of it."""
    w = weight.detach()
    first = weight_affine(w, bits, settings, axis=axis)
    value = fake_quantize(w, first)
    second = weight_affine(w - value, bits, settings, axis=axis)
    return Dual(value + fake_quantize(w - value, second), first, second, w.numel())


def worst_weights(
    weights: Mapping[str, Tensor],
    bits: Mapping[str, int],
    count: int,
    *,
    settings: QuantizerSettings = WEIGHTS,
) -> tuple[str, ...]:
    """Names of the `count` weights of largest mean squared error, each at its width; the worst first."""
    errors = {
        name: squared_errors(w, [bits[name]], settings)[bits[name]] / w.numel() for name, w in weights.items()
    }
    return tuple(sorted(errors, key=lambda name: (-errors[name], name))[:count])
