r"""PACT (Choi et al. 2018): activations clipped at a learned α; weights as in DoReFa.

    y = (|x| - |x - α| + α) / 2 = clamp(x, 0, α)                                   (eq. 1)
    y^ = round(y (2^k - 1) / α) α / (2^k - 1)                                      (eq. 2)
    dy^/dα = 1 for x >= α, else 0;   dy^/dx = 1 for 0 <= x <= α, else 0            (eq. 3)

and λ Σ α² is added to the loss (sec. 3.2). α is in the units of the activations, moves with the weights' learning rate
and is kept above a thousandth of its start.

What is not the paper's: α starts at the clip of least squared error on the calibration images. An input that may be
negative has the signed grid of b bits, n = -2^(b-1), p = 2^(b-1) - 1, and is clamped to [α n / p, α]: dy^/dα = n / p
below.
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from explorer.qat.methods.base import Batch
from explorer.qat.methods.transformed import Transformed, TransformOptions
from explorer.quantizers.gradients import rounded
from explorer.quantizers.modules import FakeQuantizer
from explorer.quantizers.simulated import input_quantizers
from explorer.quantizers.uniform import Affine, fake_quantize
from explorer.questions.telling.recipes import METHOD_NAMES

LEAST = 1e-3  # of its start, what α is kept above


class PactOptions(TransformOptions):
    """Options of PACT."""

    penalty: float = Field(1e-4, ge=0, le=1, description="λ of the squared clips that are added to the loss")


class LearnedClip(FakeQuantizer):
    """An input's quantizer with a learned α."""

    reach = 0.0
    alpha: nn.Parameter
    least: Tensor

    def hold(self, start: Affine) -> None:
        """α is a parameter."""
        self.zero_point = None
        alpha = start.step.detach() * start.grid.qmax
        self.alpha = nn.Parameter(alpha.clone())
        self.register_buffer("least", LEAST * alpha)

    def refresh(self, q: Affine) -> None:
        """α is learned."""

    def affine(self) -> Affine:
        """The quantizer as data; gradients of its step reach α."""
        return Affine(self.alpha / self.grid.qmax, None, self.grid, self.axis)

    def quantized(self, x: Tensor) -> Tensor:
        """x on the grid, with PACT's gradients."""
        if not torch.is_grad_enabled():
            return fake_quantize(x, self.affine().detached())
        return rounded(x, self.affine(), half=self.reach, of_step="clip")


class Pact(Transformed):
    """Learned clips; see the module."""

    title = f"{METHOD_NAMES['pact']}, learned clips"
    Options = PactOptions
    input_quantizer = LearnedClip

    def penalty(self, network: nn.Module, batch: Batch) -> Tensor | None:
        """λ Σ α²."""
        clips: list[Tensor] = [
            each.alpha for _, each in input_quantizers(network) if isinstance(each, LearnedClip)
        ]
        weight = float(self.chosen().penalty)
        return weight * torch.stack(clips).square().sum() if clips and weight else None

    @torch.no_grad()
    def after_step(self, network: nn.Module) -> None:
        """Keep the clips positive."""
        for _, each in input_quantizers(network):
            if isinstance(each, LearnedClip):
                each.alpha.clamp_(min=float(each.least))
        super().after_step(network)
