"""The straight-through estimator (Bengio, Leonard and Courville 2013), as HAWQ trains with it.

The forward pass sees quantized weights and activations; the backward pass takes the rounding for the identity where it
stays on the grid, so the clip range reaches half a step beyond the outermost levels. Steps of the weights, of least
squared error and one an output channel, follow the weights: they are chosen again at the start of every epoch, or stay
where that is asked for. Steps of the activations stay as calibrated, and steps that the plan carries as they are.
"""

from collections.abc import Iterable, Mapping
from typing import Literal

from pydantic import Field
from torch import Tensor, nn

from explorer.qat.methods.levels import OscillationOptions
from explorer.qat.methods.oscillating import OscillationMethod
from explorer.qat.methods.quantized import QuantizedOptions
from explorer.quantizers.given import GivenSteps
from explorer.quantizers.simulated import prepare_training, refresh_steps
from explorer.questions.telling.recipes import METHOD_NAMES


class StraightThroughOptions(QuantizedOptions, OscillationOptions):
    """Options of the straight-through estimator."""

    steps: Literal["epoch", "fixed"] = Field(
        "epoch", description="of the weights: chosen again at the start of every epoch, or once"
    )


class StraightThrough(OscillationMethod):
    """Straight-through estimator; see the module."""

    title = METHOD_NAMES["ste"]
    Options = StraightThroughOptions

    def prepare(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> nn.Module:
        """A copy of ``model`` with straight-through quantizers; ``steps`` that are given stay as they are."""
        start = self.starting_steps(model, bits, calibration, steps)
        return self.watched(prepare_training(model, bits, [], steps=start))

    def start_epoch(self, network: nn.Module) -> None:
        """Choose the weights' steps again, unless they are fixed."""
        if self.chosen().steps == "epoch":
            refresh_steps(network)
        super().start_epoch(network)
