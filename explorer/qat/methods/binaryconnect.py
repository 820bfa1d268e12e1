r"""BinaryConnect (Courbariaux, Bengio and David 2015): weights of one bit, trained through real ones.

    deterministic   w_b = H sign(w)
    stochastic      w_b = H with probability σ(w / H), else -H;   σ(x) = clamp((x + 1) / 2, 0, 1)      (eq. 2, 3)

Forward and backward pass see w_b; the gradient for w_b moves w, which is then clamped to [-H, H] (algorithm 1). The
stochastic weight has the mean w. Its draws follow from seed, step and layer.

The weights that are evaluated and stored are H sign(w) in both forms. The paper evaluates its stochastic form with the
real weights; those take 32 bits, which is not what the plan says.

What is not the paper's: H, of every output channel, is the mean |w| of the pretrained weights, the scale of least
squared error (XNOR-Net, Rastegari et al. 2016, eq. 6), and stays; with H = 1 a pretrained network would begin from
nothing.
Activations have the plan's widths, with fixed calibrated clips.
"""

from collections.abc import Iterable, Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from explorer.errors import RunError
from explorer.qat.methods.base import draw_of
from explorer.qat.methods.quantized import QuantizedMethod, QuantizedOptions
from explorer.qat.methods.transformed import inputs_alone
from explorer.quantizers.given import GivenSteps
from explorer.quantizers.gradients import passing
from explorer.quantizers.grid import FLOAT_BITS
from explorer.quantizers.modules import FakeQuantizer
from explorer.quantizers.simulated import prepare_training, weight_quantizers
from explorer.quantizers.uniform import Affine, fake_quantize
from explorer.questions.telling.recipes import METHOD_NAMES
from explorer.randomness import Stream, generator


class BinaryConnectOptions(QuantizedOptions):
    """Options of BinaryConnect."""

    stochastic: bool = Field(
        False, description="draw the sign of every weight at each step, with its mean as weight"
    )


class BinaryWeight(FakeQuantizer):
    """H sign(w), or drawn where a step was seeded; `step` is H."""

    drawn: tuple[int, int] | None = None  # seed and draw of this step; None: deterministic

    def refresh(self, q: Affine) -> None:
        """H stays."""

    def quantized(self, x: Tensor) -> Tensor:
        """The binary weight, whose gradient goes to x as it is."""
        drawing = self.drawn is not None and self.training and torch.is_grad_enabled()
        return passing(x, self._drawn(x) if drawing else fake_quantize(x, self.affine()))

    def _drawn(self, x: Tensor) -> Tensor:
        assert self.drawn is not None
        source = generator(Stream.BINARY_WEIGHTS, *self.drawn)
        step, _ = self.affine().over(x)
        chance = torch.rand(x.shape, generator=source, dtype=x.dtype).to(x.device)
        return torch.where(2 * chance < x.detach() / step + 1, step, -step)


class BinaryConnect(QuantizedMethod):
    """Binary weights; see the module."""

    title = f"{METHOD_NAMES['binaryconnect']}, binary weights"
    Options = BinaryConnectOptions

    def check(self, bits: Mapping[str, tuple[int, int]]) -> None:
        """Refuse weights that are neither binary nor left in FP32.

        Raises:
            RunError: there is such a weight.
        """
        for name, (w_bits, _) in bits.items():
            if w_bits not in (1, FLOAT_BITS):
                raise RunError(
                    f"BinaryConnect trains weights of 1 bit, but the plan gives layer {name!r} {w_bits}; choose "
                    f"another method, or 1 or {FLOAT_BITS} bits for every weight"
                )

    def prepare(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> nn.Module:
        """A copy of ``model`` with binary weights."""
        self.check(bits)
        start = self.starting_steps(model, bits, calibration, inputs_alone(steps))
        network = prepare_training(model, bits, [], weight_quantizer=BinaryWeight, steps=start)
        clamp_weights(network)
        return self.watched(network)

    def seed_step(self, network: nn.Module, seed: int, step: int) -> None:
        """Signs that are drawn follow from seed, step and layer."""
        super().seed_step(network, seed, step)
        if self.chosen().stochastic:
            for number, (_, quantizer, _) in enumerate(weight_quantizers(network)):
                assert isinstance(quantizer, BinaryWeight)
                quantizer.drawn = seed, draw_of(step, number)

    def after_step(self, network: nn.Module) -> None:
        """Clamp the real weights, which would grow without effect."""
        clamp_weights(network)
        super().after_step(network)


@torch.no_grad()
def clamp_weights(network: nn.Module) -> None:
    """The real weights to [-H, H], in place."""
    for _, quantizer, latent in weight_quantizers(network):
        step, _ = quantizer.affine().over(latent)
        latent.copy_(torch.maximum(torch.minimum(latent, step), -step))
