"""The straight-through estimator (Bengio, Leonard and Courville 2013), as HAWQ trains with it.

The forward pass sees quantized weights and activations; the backward pass takes the rounding for the identity
inside the clip range. Steps of the weights follow the weights: they are chosen again at the start of every
epoch. Steps of the activations stay as calibrated, and steps that the plan carries as they are.
"""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from explorer.quantizers.given import GivenSteps
from explorer.quantizers.simulated import prepare_training, refresh_steps


def prepare(
    model: nn.Module,
    bits: Mapping[str, tuple[int, int]],
    calibration: Iterable[Tensor],
    steps: GivenSteps | None = None,
) -> nn.Module:
    """A copy of ``model`` that trains under quantization; ``steps`` that are given stay as they are."""
    return prepare_training(model, bits, calibration, steps=steps)


def start_epoch(model: nn.Module) -> None:
    """Choose the weights' steps again."""
    refresh_steps(model)
