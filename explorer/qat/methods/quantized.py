"""What the methods here share: steps of activations, and the figures that they tell of every layer.

Steps of activations are symmetric ones of least squared error over the calibration images (or min-max), on the
unsigned grid where no value was negative, such as after a ReLU, and on the signed one else; steps that the plan carries
go before.

Clipped activations are counted once in `COUNT_STEPS` steps, in the forward pass, which costs nothing to speak of.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from explorer.qat.methods import levels
from explorer.qat.methods.base import Method, MethodOptions
from explorer.quantizers.calibration import fitted_steps
from explorer.quantizers.given import GivenSteps
from explorer.quantizers.modules import FakeQuantizer
from explorer.quantizers.simulated import input_quantizers, weight_quantizers
from explorer.quantizers.uniform import clipped

COUNT_STEPS = 20
CLIPPED = "share_clipped"

ActivationRule = Literal["mse", "min-max"]


class QuantizedOptions(MethodOptions):
    """Options of every method here."""

    activations: ActivationRule = Field(
        "mse", description="what chooses the activations' steps at the start: least squared error, or min-max"
    )


class QuantizedMethod(Method):
    """A method whose layers are quantized by `FakeQuantizer`s."""

    Options = QuantizedOptions

    def chosen(self) -> Any:
        """Options, of the model that the class names."""
        return self.options

    def starting_steps(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> GivenSteps:
        """Steps of every input, by the rule that was chosen where the plan has none."""
        return fitted_steps(model, bits, calibration, rule=self.chosen().activations, given=steps)

    def watched(self, network: nn.Module) -> nn.Module:
        """The prepared network with all that is counted."""
        levels.watch_levels(network)
        for _, quantizer in input_quantizers(network):
            quantizer.register_buffer(CLIPPED, torch.zeros(()))
            quantizer.register_forward_hook(ClippedCount())
        return network

    def start_epoch(self, network: nn.Module) -> None:
        """Level changes are counted from here."""
        levels.begin_epoch(network)

    def seed_step(self, network: nn.Module, seed: int, step: int) -> None:
        """Count clipped activations in every so many steps."""
        for _, quantizer in input_quantizers(network):
            for hook in quantizer._forward_hooks.values():
                if isinstance(hook, ClippedCount):
                    hook.counting = step % COUNT_STEPS == 0

    def after_step(self, network: nn.Module) -> None:
        """Count the weights that changed their level."""
        levels.see_step(network, freeze_above=None)

    def series(self, network: nn.Module) -> dict[str, float]:
        """Shares of the weights: clipped, changed level, oscillating."""
        outside, total = 0.0, 0
        for _, quantizer, latent in weight_quantizers(network):
            outside += float(clipped(latent, quantizer.affine().detached(), quantizer.reach).sum())
            total += latent.numel()
        share = {"share of weights clipped": outside / total} if total else {}
        return {**share, **levels.shares(network)}

    def layer_series(self, network: nn.Module) -> dict[str, dict[str, float]]:
        """Step (the mean over channels), clip and share clipped, of weight and input of each layer."""
        found: dict[str, dict[str, float]] = {}
        for name, quantizer, latent in weight_quantizers(network):
            q = quantizer.affine().detached()
            share = clipped(latent, q, quantizer.reach).float().mean()
            found[name] = {"weight step": float(q.step.mean()), "share of weights clipped": float(share)}
        for name, quantizer in input_quantizers(network):
            step = float(quantizer.affine().step.detach().mean())
            numbers = {"input step": step, "input clip": step * quantizer.grid.qmax}
            share = getattr(quantizer, CLIPPED)
            found.setdefault(name, {}).update(numbers | {"share of inputs clipped": float(share)})
        return found


class ClippedCount:
    """A forward hook of an input quantizer: the share of values beyond its clip range, into a buffer."""

    def __init__(self) -> None:
        self.counting = False

    def __call__(self, quantizer: FakeQuantizer, args: tuple[Any, ...], _: Tensor) -> None:
        if self.counting and quantizer.training:
            with torch.no_grad():
                share = clipped(args[0], quantizer.affine().detached(), quantizer.reach).float().mean()
                getattr(quantizer, CLIPPED).copy_(share)
