r"""Learned step size quantization (LSQ; Esser et al. 2020): steps are parameters, trained beside the weights.

    v^ = s clamp(round(v / s), n, p)
    dv^/dv = 1 for n < v/s < p, else 0                                       (eq. 5)
    dv^/ds = round(v/s) - v/s for n < v/s < p, n below, p above              (eq. 3)

The gradient of a step is multiplied by 1 / √(N p), N the number of values that share it (for activations, of the whole
batch), so that steps and weights move alike relative to their size (sec. 2.2).

What is not the paper's: weights have one step an output channel, unless one a tensor is asked for, as in the paper; a
tensor without negative values has the unsigned grid. Steps start where the squared error is least instead of at
2 mean|v| / √p, or at the plan's, such as LAPQ's, and are kept above a thousandth of their start, since a step that
reaches zero ends the training (reported of several implementations). On the 1-bit signed grid round is the sign.
"""

from collections.abc import Iterable, Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from explorer.qat.methods.levels import OscillationOptions
from explorer.qat.methods.oscillating import OscillationMethod
from explorer.qat.methods.quantized import ActivationRule, QuantizedOptions
from explorer.quantizers.given import GivenSteps
from explorer.quantizers.gradients import rounded
from explorer.quantizers.modules import FakeQuantizer
from explorer.quantizers.settings import Granularity, QuantizerSettings
from explorer.quantizers.simulated import prepare_training, weight_quantizers
from explorer.quantizers.uniform import Affine, fake_quantize
from explorer.questions.telling.recipes import METHOD_NAMES

LEAST = 1e-3  # of its start, what a step is kept above
_TINY = 1e-12  # least start: a channel of zeros has the step 0 on the 1-bit grid


class LsqOptions(QuantizedOptions, OscillationOptions):
    """Options of LSQ."""

    granularity: Granularity = Field(
        "channel", description="weights that share a step: those of an output channel, or the whole tensor"
    )
    weights: ActivationRule = Field(
        "mse", description="what chooses the weights' steps at the start: least squared error, or min-max"
    )
    step_rate: float = Field(
        1.0, gt=0, le=100, description="learning rate of the steps as a multiple of the weights'"
    )


class LearnedStep(FakeQuantizer):
    """A quantizer that learns its step."""

    reach = 0.0
    step: nn.Parameter
    least: Tensor

    def hold(self, start: Affine) -> None:
        """The step is a parameter; its least value travels along in a buffer."""
        self.zero_point = None
        self.begin(start.step)

    def begin(self, step: Tensor) -> None:
        """Set the step, and the least value it may take."""
        step = step.detach().clamp(min=_TINY)
        self.step = nn.Parameter(step.clone())
        self.register_buffer("least", LEAST * step)

    def share_out(self, channels: int) -> None:
        """Give every output channel a step of its own that starts with the common one."""
        self.axis = self.output_channels
        self.begin(self.step.detach().expand(channels))

    def refresh(self, q: Affine) -> None:
        """The step is learned."""

    def quantized(self, x: Tensor) -> Tensor:
        """x on the grid, with LSQ's gradients."""
        if not torch.is_grad_enabled():
            return fake_quantize(x, self.affine().detached())
        sharing = x.numel() / self.step.numel()
        return rounded(x, self.affine(), half=self.reach, scale=(sharing * self.grid.qmax) ** -0.5)


class Lsq(OscillationMethod):
    """Learned step sizes; see the module."""

    title = f"{METHOD_NAMES['lsq']}, learned steps"
    Options = LsqOptions

    def prepare(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> nn.Module:
        """A copy of ``model`` whose steps are parameters."""
        chosen = self.chosen()
        start = self.starting_steps(model, bits, calibration, steps)
        settings = QuantizerSettings(granularity=chosen.granularity, step=chosen.weights)
        network = prepare_training(
            model,
            bits,
            [],
            weights=settings,
            weight_quantizer=LearnedStep,
            input_quantizer=LearnedStep,
            steps=start,
        )
        if chosen.granularity == "channel":
            for _, quantizer, latent in weight_quantizers(network):
                if quantizer.axis is None and isinstance(quantizer, LearnedStep):
                    quantizer.share_out(latent.shape[quantizer.output_channels])
        return self.watched(network)

    def parameter_groups(
        self, network: nn.Module, *, learning_rate: float, weight_decay: float
    ) -> list[dict[str, object]]:
        """Steps in a group of their own, for their learning rate; without decay."""
        steps = {id(quantizer.step) for quantizer in learned_steps(network)}
        groups = super().parameter_groups(network, learning_rate=learning_rate, weight_decay=weight_decay)
        for group in groups:
            group["params"] = [each for each in group["params"] if id(each) not in steps]
        own = [each for each in network.parameters() if id(each) in steps]
        rate = learning_rate * self.chosen().step_rate
        return [*groups, {"params": own, "lr": rate, "weight_decay": 0.0}]

    @torch.no_grad()
    def after_step(self, network: nn.Module) -> None:
        """Keep the steps positive."""
        for quantizer in learned_steps(network):
            quantizer.step.clamp_(min=quantizer.least)
        super().after_step(network)


def learned_steps(network: nn.Module) -> list[LearnedStep]:
    """Every quantizer that learns its step, once."""
    return [module for module in network.modules() if isinstance(module, LearnedStep)]
