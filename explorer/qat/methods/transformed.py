r"""Weights squeezed by tanh before they are rounded (DoReFa-Net, Zhou et al. 2016, sec. 2.3), as DoReFa and PACT train.

    q_k(r) = round((2^k - 1) r) / (2^k - 1),  its gradient the identity                               (eq. 5)
    w^ = c (2 q_k(tanh w / (2 max|tanh w|) + 1/2) - 1)                                                (eq. 9)
    at 1 bit w^ = mean|w| sign(w), whose gradient is the identity                                     (eq. 7, 8)

The levels are odd multiples of a half step: there is no zero. c, 1 in the paper, is the factor of least squared error
between the weights at the start and their quantized form, since a pretrained network's last layer and all that no batch
norm follows break with weights of another size; it stays.
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from explorer.qat.methods.quantized import QuantizedMethod, QuantizedOptions
from explorer.quantizers.bias_correction import Correction
from explorer.quantizers.given import GivenSteps, LayerSteps
from explorer.quantizers.gradients import passing, straight_through
from explorer.quantizers.grid import Grid
from explorer.quantizers.modules import FakeQuantizer
from explorer.quantizers.simulated import prepare_training, weight_quantizers
from explorer.quantizers.stored import QuantizedWeight, integer_type
from explorer.quantizers.uniform import Affine


class TransformOptions(QuantizedOptions):
    """Options of every method with these weights."""


class TanhWeight(FakeQuantizer):
    """A weight's quantizer by DoReFa's transform; `scale` is c."""

    scale: Tensor

    def hold(self, start: Affine) -> None:
        """c, until `fit` finds it."""
        self.zero_point = None
        self.register_buffer("scale", torch.ones_like(start.step.reshape(-1)[0]))
        self.axis = None
        if not self.grid.is_sign:
            self.grid = Grid.unsigned(self.grid.bits)

    @torch.no_grad()
    def fit(self, weight: Tensor) -> None:
        """Take the c of least squared error."""
        value = self.quantized(weight).double()
        norm = value.square().sum()
        if norm > 0 and not self.grid.is_sign:
            self.scale.mul_(((weight.double() * value).sum() / norm).to(self.scale.dtype))

    def refresh(self, q: Affine) -> None:
        """c stays."""

    def affine(self) -> Affine:
        """The step between levels; they begin at -c, which `stored` has as an offset."""
        if self.grid.is_sign:
            return Affine(self.scale, None, self.grid)
        return Affine(2 * self.scale / self.grid.qmax, None, self.grid)

    def forward(self, x: Tensor) -> Tensor:
        """A bias correction would undo the transform's levels."""
        return self.quantized(x)

    def quantized(self, x: Tensor) -> Tensor:
        """The transformed weight on its levels, differentiable through the tanh."""
        if self.grid.is_sign:
            size = x.detach().abs().mean()
            return passing(x, torch.where(x.detach() < 0, -size, size))
        return self._offset(x).apply(self._levels(x) * self.affine().step)

    def integers(self, x: Tensor) -> Tensor:
        """Levels, from 0 up; at 1 bit the sign."""
        x = x.detach()
        return torch.where(x < 0, -1.0, 1.0).to(x.dtype) if self.grid.is_sign else self._levels(x)

    def stored(self, x: Tensor) -> QuantizedWeight:
        """Levels, the step between them and the offset -c."""
        x = x.detach()
        integers = self.integers(x).to(integer_type(self.grid))
        if self.grid.is_sign:
            return QuantizedWeight(integers, Affine(x.abs().mean(), None, self.grid))
        return QuantizedWeight(integers, self.affine().detached(), self._offset(x))

    def _levels(self, x: Tensor) -> Tensor:
        most = self.grid.qmax
        squeezed = x.tanh()
        largest = squeezed.abs().max().clamp(min=torch.finfo(x.dtype).tiny)
        one = Affine(x.new_ones(()), None, self.grid)
        return straight_through((squeezed / (2 * largest) + 0.5) * most, one)

    def _offset(self, x: Tensor) -> Correction:
        channels = self.scale.new_ones(x.shape[self.output_channels])
        return Correction(channels, -self.scale * channels, self.output_channels)


class Transformed(QuantizedMethod):
    """A method with these weights, and with quantizers of its own for inputs."""

    input_quantizer: ClassVar[type[FakeQuantizer]]

    def prepare(
        self,
        model: nn.Module,
        bits: Mapping[str, tuple[int, int]],
        calibration: Iterable[Tensor],
        steps: GivenSteps | None,
    ) -> nn.Module:
        """A copy of ``model`` with squeezed weights; of given steps those of the weights mean nothing here."""
        network = prepare_training(
            model,
            bits,
            [],
            weight_quantizer=TanhWeight,
            input_quantizer=type(self).input_quantizer,
            steps=self.starting_steps(model, bits, calibration, inputs_alone(steps)),
        )
        for _, quantizer, latent in weight_quantizers(network):
            if isinstance(quantizer, TanhWeight):
                quantizer.fit(latent)
        return self.watched(network)


def inputs_alone(steps: GivenSteps | None) -> GivenSteps | None:
    """Given steps without those of weights and without bias correction, where a method transforms its weights."""
    if steps is None:
        return None
    layers = {
        name: LayerSteps(a_step=each.a_step, a_signed=each.a_signed) for name, each in steps.layers.items()
    }
    return GivenSteps(layers)
