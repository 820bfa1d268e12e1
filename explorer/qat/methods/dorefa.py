r"""DoReFa-Net (Zhou et al. 2016): squeezed weights, clipped activations; gradients rounded too, if asked for.

    weights      see `transformed`
    activations  a^ = u q_k(clamp(a / u, 0, 1))                                                       (eq. 11)
    gradients    see `gradient_rounding`

What is not the paper's: u, 1 there, is the clip of least squared error on the calibration images unless ``unit`` asks
for 1, and stays; inputs that may be negative have the signed grid of the same clip. Gradients are rounded at the output
of every layer with quantized weights.
"""

from collections.abc import Iterable, Mapping

from pydantic import Field
from torch import Tensor, nn

from explorer.qat.methods.gradient_rounding import GradientRounding
from explorer.qat.methods.transformed import Transformed, TransformOptions
from explorer.quantizers.given import GivenSteps, LayerSteps
from explorer.quantizers.grid import FLOAT_BITS, Grid
from explorer.quantizers.layers import places
from explorer.quantizers.modules import FakeQuantizer
from explorer.quantizers.simulated import weight_quantizers
from explorer.questions.telling.recipes import METHOD_NAMES


class DorefaOptions(TransformOptions):
    """Options of DoReFa."""

    unit: bool = Field(False, description="clip activations at 1, as in the paper, instead of as calibrated")
    gradient_bits: int | None = Field(
        None,
        ge=1,
        le=16,
        description="of the gradients at the layers' outputs; without it they are not rounded",
    )


class ClippedInput(FakeQuantizer):
    """A fixed clip: no gradient beyond it."""

    reach = 0.0


class Dorefa(Transformed):
    """Squeezed weights; see the module."""

    title = f"{METHOD_NAMES['dorefa']}, squeezed weights"
    Options = DorefaOptions
    input_quantizer = ClippedInput

    def prepare(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> nn.Module:
        """A copy of ``model`` with squeezed weights, and with rounded gradients if asked for."""
        network = super().prepare(model, bits, calibration, steps)
        gradient_bits = self.chosen().gradient_bits
        if gradient_bits is not None:
            for number, (name, _, _) in enumerate(weight_quantizers(network)):
                network.get_submodule(name).register_forward_hook(GradientRounding(gradient_bits, number))
        return network

    def starting_steps(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> GivenSteps:
        """Calibrated clips, or clips at 1."""
        start = super().starting_steps(model, bits, calibration, steps)
        return unit_clips(model, bits, start) if self.chosen().unit else start

    def seed_step(self, network: nn.Module, seed: int, step: int) -> None:
        """Random numbers of the gradients' rounding follow from seed, step and layer."""
        super().seed_step(network, seed, step)
        for layer in network.modules():
            for hook in layer._forward_hooks.values():
                if isinstance(hook, GradientRounding):
                    hook.seed, hook.step = seed, step


def unit_clips(model: nn.Module, bits: Mapping[str, tuple[int, int]], steps: GivenSteps) -> GivenSteps:
    """The same grids with steps that clip at 1."""
    layers = dict(steps.layers)
    for place in places(model, bits):
        if place.a_bits != FLOAT_BITS:
            signed = layers[place.name].a_signed
            grid = Grid.signed(place.a_bits) if signed else Grid.unsigned(place.a_bits)
            layers[place.name] = LayerSteps(a_step=1 / grid.qmax, a_signed=signed)
    return GivenSteps(layers)
