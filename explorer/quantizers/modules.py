"""A quantizer as a module of the network, so that its step travels with the state dict.

Weights: FakeQuantizer is a parametrization of `weight`; the layer keeps the latent FP32 weight as
`parametrizations.weight.original` and sees the quantized one. Activations: FakeQuantizer is a child of the
layer called `input_quantizer`, run by a forward pre-hook, out of place.

A method that learns its steps (LSQ, PACT, DoReFa) is a subclass with a `quantized` of its own, in a file of its
own; it is handed the step found here as its start, and `prepare_training` takes it in place of FakeQuantizer.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from explorer.quantizers.bias_correction import corrected
from explorer.quantizers.gradients import rounded
from explorer.quantizers.settings import QuantizerSettings
from explorer.quantizers.stored import QuantizedWeight
from explorer.quantizers.uniform import Affine, fake_quantize, quantize

INPUT = "input_quantizer"


class FakeQuantizer(nn.Module):
    """Holds one Affine in buffers; its gradient is straight-through.

    `reach` is how far the gradient passes beyond the outermost levels (`half` of `gradients`); `output_channels` the
    axis along which a weight's bias is corrected if its settings ask for that; `given` says that its step was not
    chosen by a rule and is not to be chosen again.
    """

    reach: ClassVar[float] = 0.5
    step: Tensor
    zero_point: Tensor | None

    def __init__(self, start: Affine, settings: QuantizerSettings) -> None:
        super().__init__()
        self.output_channels = 0
        self.given = False
        self.grid, self.axis, self.settings = start.grid, start.axis, settings
        self.hold(start)

    def hold(self, start: Affine) -> None:
        """Set up the state at `start`: buffers here, parameters in a method that learns them."""
        self.register_buffer("step", start.step.detach().clone())
        zero_point = start.zero_point
        self.register_buffer("zero_point", None if zero_point is None else zero_point.detach().clone())

    def refresh(self, q: Affine) -> None:
        """Take over a newly chosen step. A method that learns its step overrides this to do nothing."""
        with torch.no_grad():
            self.step.copy_(q.step)
            if self.zero_point is not None and q.zero_point is not None:
                self.zero_point.copy_(q.zero_point)

    def affine(self) -> Affine:
        """The quantizer as data."""
        return Affine(self.step, self.zero_point, self.grid, self.axis)

    def forward(self, x: Tensor) -> Tensor:
        kind = self.settings.bias_correction
        return corrected(self.quantized(x), x, kind=kind, axis=self.output_channels)

    def quantized(self, x: Tensor) -> Tensor:
        """x on the grid. A method that learns its step overrides this."""
        if torch.is_grad_enabled() and x.requires_grad:
            return rounded(x, self.affine().detached(), half=self.reach)
        return fake_quantize(x, self.affine())

    def integers(self, x: Tensor) -> Tensor:
        """The whole numbers of `stored`, in x's own floating-point type and without what else is stored."""
        return quantize(x.detach(), self.affine().detached())

    def stored(self, x: Tensor) -> QuantizedWeight:
        """The weight x as whole numbers whose values `forward` gives. A method that transforms weights before it
        rounds them overrides this."""
        kind = self.settings.bias_correction
        return QuantizedWeight.of(x, self.affine(), bias_correction=kind, channels=self.output_channels)

    def extra_repr(self) -> str:
        return f"{self.grid.bits} bits, {self.settings.scheme}, axis={self.axis}"


def quantize_input(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Forward pre-hook of a layer with an input quantizer. A plain function, so that it copies with the
    model."""
    quantizer = getattr(layer, INPUT)
    if args:
        return (quantizer(args[0]), *args[1:]), kwargs
    return args, {**kwargs, "input": quantizer(kwargs["input"])}


def attach_input(layer: nn.Module, quantizer: FakeQuantizer) -> None:
    layer.add_module(INPUT, quantizer)
    layer.register_forward_pre_hook(quantize_input, with_kwargs=True)
