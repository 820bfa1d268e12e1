"""The straight-through estimator (Bengio, Leonard and Courville 2013), as HAWQ trains with it.

The forward pass sees quantized weights and activations; the backward pass takes the rounding for the identity
inside the clip range. Steps of the weights follow the weights: they are chosen again at the start of every
epoch. Steps of the activations stay as calibrated, and steps that the plan carries as they are.
"""

from collections.abc import Iterable, Mapping

from torch import Tensor, nn

from explorer.qat.methods.base import Method
from explorer.quantizers.given import GivenSteps
from explorer.quantizers.simulated import prepare_training, refresh_steps, weight_quantizers
from explorer.quantizers.uniform import clipped


class StraightThrough(Method):
    """Straight-through estimator; see the module."""

    title = "straight-through estimator"

    def prepare(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> nn.Module:
        """A copy of ``model`` with straight-through quantizers; ``steps`` that are given stay as they are."""
        return prepare_training(model, bits, calibration, steps=steps)

    def start_epoch(self, network: nn.Module) -> None:
        """Choose the weights' steps again."""
        refresh_steps(network)

    def series(self, network: nn.Module) -> dict[str, float]:
        """Share of the weights beyond their clip range, which get no gradient."""
        outside, total = 0, 0
        for _, quantizer, latent in weight_quantizers(network):
            outside += int(clipped(latent, quantizer.affine()).sum())
            total += latent.numel()
        return {"share of weights clipped": outside / total} if total else {}
