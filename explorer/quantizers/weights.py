"""A weight at a bit width: its quantized value, and its perturbation ||Q(W) - W||^2 (HAWQ-V2 eq. 10)."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor

from explorer.quantizers import steps
from explorer.quantizers.bias_correction import corrected
from explorer.quantizers.grid import FLOAT_BITS, Grid, check_bits
from explorer.quantizers.settings import WEIGHTS, QuantizerSettings
from explorer.quantizers.uniform import Affine, fake_quantize


def weight_affine(w: Tensor, bits: int, settings: QuantizerSettings = WEIGHTS, *, axis: int = 0) -> Affine:
    """The step that `settings` chooses for w. `axis`: the output channels; 0, but 1 in a ConvTranspose."""
    grid = Grid.of(bits, settings.scheme)
    channels = axis if settings.granularity == "channel" else None
    return steps.choose(settings.step, w, grid, axis=channels, scheme=settings.scheme)


def quantize_weight(w: Tensor, bits: int, settings: QuantizerSettings = WEIGHTS, *, axis: int = 0) -> Tensor:
    """A new tensor, w moved to its grid and corrected as `settings` say; at 32 bits a copy of w."""
    if check_bits(bits, allow_float=True) == FLOAT_BITS:
        return w.detach().clone()
    value = fake_quantize(w, weight_affine(w, bits, settings, axis=axis))
    return corrected(value, w.detach(), kind=settings.bias_correction, axis=axis)


def squared_errors(
    w: Tensor, menu: Iterable[int], settings: QuantizerSettings = WEIGHTS, *, axis: int = 0
) -> dict[int, float]:
    """||Q(w) - w||^2 at every width of the menu, summed in double precision; 0 at 32 bits."""
    return {
        bits: float((quantize_weight(w, bits, settings, axis=axis) - w.detach()).double().square().sum())
        for bits in menu
    }
