r"""Gradients rounded at random (DoReFa-Net, Zhou et al. 2016, sec. 2.4), at the outputs of layers.

    g^ = 2m (q_k(g / 2m + 1/2 + r / (2^k - 1)) - 1/2),   r ~ U(-1/2, 1/2)                             (eq. 12)

m is the largest |g| of a sample. The draws follow from seed, step and layer, so that a resumed training
makes them again.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from explorer.qat.methods.base import draw_of
from explorer.randomness import Stream, generator


@dataclass
class GradientRounding:
    """A forward hook of a layer: rounds the gradient that arrives at its output, by eq. 12."""

    bits: int
    number: int  # of the layer
    seed: int = 0
    step: int = 0

    only_training: ClassVar[bool] = True

    def __call__(self, layer: nn.Module, args: tuple[Any, ...], output: Tensor) -> None:
        if layer.training and output.requires_grad:
            seed, draw = self.seed, draw_of(self.step, self.number)

            def rounded(g: Tensor) -> Tensor:
                return round_gradient(g, self.bits, generator(Stream.GRADIENT_ROUNDING, seed, draw))

            output.register_hook(rounded)  # of the output before anything changes it in place


def round_gradient(g: Tensor, bits: int, source: torch.Generator) -> Tensor:
    """g on 2^bits levels between -m and m, m its largest size in each sample, rounded at random; unbiased.

    Beyond the outermost levels, where only the noise can lead, it is clamped as in the authors' code.
    """
    steps = 2**bits - 1
    largest = g.abs().amax(dim=tuple(range(1, g.ndim)), keepdim=True) if g.ndim > 1 else g.abs()
    twice = (2 * largest).clamp_(min=torch.finfo(g.dtype).tiny)
    noise = torch.rand(g.shape, generator=source, dtype=g.dtype).to(g.device).sub_(0.5)
    levels = (g / twice).add_(0.5).mul_(steps).add_(noise).round_().clamp_(0, steps)
    return levels.div_(steps).sub_(0.5).mul_(twice)
