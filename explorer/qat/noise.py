r"""Stochastic feature perturbation (FPQ, arXiv 2503.11159, eq. 9 and 14): noise on the inputs of quantized layers.

    x_l <- x_l + delta,   delta ~ U[-s_l / 2, s_l / 2],   with probability p for a layer and step

s_l is the step of the layer's input quantizer. Noise that comes after the quantizer spreads its values over their
cells; noise that comes before is dithering: within the range of the grid E Q(x + delta) = x. No gradient reaches s_l
through delta. It is drawn anew at each step of a training, and there is none elsewhere: not in an evaluation, not where
batch norm is estimated again, not in a trace.

Layers are the convolutions whose input is quantized; in a network without any, its linear layers.

Numbers are cheap: a random 64-bit integer is four of 16 bits, odd ones, which lie evenly and symmetrically about zero:
mean 0 exactly, variance s^2 / 12 (1 - 2^-30).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from explorer.qat.distillation.layers import teaching_layers
from explorer.quantizers.modules import INPUT, FakeQuantizer
from explorer.quantizers.uniform import Affine
from explorer.randomness import Stream, generator

_LEVELS = 2**16
_ODD = 0x0001_0001_0001_0001


class Noise:
    """Feature noise of a training.

    Args:
        probability: p.
        place: ``after`` a layer's input is quantized, or ``before``.
        seed: of the training.
    """

    def __init__(self, probability: float, place: str, seed: int) -> None:
        self.probability, self._before, self._seed = probability, place == "before", seed

    @contextmanager
    def added(self, network: nn.Module, step: int) -> Iterator[None]:
        """Add noise while the block runs; which, follows from the seed and the step."""
        if self.probability == 0:
            yield
            return
        draw = generator(Stream.FEATURE_NOISE, self._seed, step)
        layers = [
            layer
            for layer in map(network.get_submodule, teaching_layers(network))
            if isinstance(getattr(layer, INPUT, None), FakeQuantizer)
        ]
        chosen = torch.rand(len(layers), generator=draw) < self.probability
        handles = [
            layer.register_forward_pre_hook(partial(_add, draw), with_kwargs=True, prepend=self._before)
            for layer, hit in zip(layers, chosen.tolist(), strict=True)
            if hit
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()


def noisy(x: Tensor, affine: Affine, draw: torch.Generator) -> Tensor:
    """x with uniform noise of a quantizer's step."""
    channels_last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
    flat = x.permute(0, 2, 3, 1) if channels_last else x.contiguous()
    count = flat.numel()
    drawn = torch.randint(-(2**63), 2**63 - 1, (-(-count // 4),), generator=draw)
    odd = drawn.bitwise_or_(_ODD).view(torch.int16)[:count].view(flat.shape).to(x.device)
    step = affine.step.detach()
    if step.numel() == 1:
        found = torch.add(flat, odd, alpha=float(step) / _LEVELS)
        return found.permute(0, 3, 1, 2) if channels_last else found
    delta = odd.to(x.dtype)
    delta = delta.permute(0, 3, 1, 2) if channels_last else delta
    return x + delta * (affine.over(x)[0].detach() / _LEVELS)


def _add(draw: torch.Generator, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    quantizer = layer.get_submodule(INPUT)
    assert isinstance(quantizer, FakeQuantizer)
    affine = quantizer.affine()
    if args:
        return (noisy(args[0], affine, draw), *args[1:]), kwargs
    return args, {**kwargs, "input": noisy(kwargs["input"], affine, draw)}
