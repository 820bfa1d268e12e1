r"""A quantized weight as it is stored: whole numbers, and what turns them into the values a network computes with.

    w^ = s (q - z)                          uniform quantizers
    w^ = a_c s (q - z) + b_c                with bias correction, an output channel c at a time (`bias_correction`)

q are whole numbers of a grid in the smallest integer type that holds it; s, z, a and b are the quantizer's own, so the
values come out equal to the bit. `StoredWeight` is a child of its layer, so all of it travels with the state dict.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from explorer.quantizers.bias_correction import BiasCorrection, Correction, correction
from explorer.quantizers.grid import Grid
from explorer.quantizers.uniform import Affine, dequantize, quantize

STORED = "stored_weight"


@dataclass(frozen=True, eq=False)
class QuantizedWeight:
    """A weight's whole numbers and their meaning.

    Attributes:
        integers: of the weight's shape; int8, uint8, int16 or uint16.
        affine: step (the scale), zero point, grid (with the bits) and the axis that steps run along.
        correction: of the bias of each output channel, on top; None: none.
    """

    integers: Tensor
    affine: Affine
    correction: Correction | None = None

    @staticmethod
    def of(
        weight: Tensor, affine: Affine, *, bias_correction: BiasCorrection = "none", channels: int = 0
    ) -> QuantizedWeight:
        """A weight quantized by ``affine``; ``channels``: the axis along which its bias is corrected."""
        weight, affine = weight.detach(), affine.detached()
        plain = QuantizedWeight(quantize(weight, affine).to(integer_type(affine.grid)), affine)
        if bias_correction == "none":
            return plain
        found = correction(plain.dequantize(), weight, kind=bias_correction, axis=channels)
        return replace(plain, correction=found)

    @property
    def bits(self) -> int:
        """Bits a weight."""
        return self.affine.grid.bits

    @property
    def packed_bits(self) -> int:
        """Memory of the whole numbers, packed."""
        return self.integers.numel() * self.bits

    def dequantize(self) -> Tensor:
        """The values, in the step's floating-point type."""
        values = dequantize(self.integers.to(self.affine.step.dtype), self.affine)
        return values if self.correction is None else self.correction.apply(values)


class StoredWeight(nn.Module):
    """A `QuantizedWeight` in buffers, a child of its layer. It computes nothing: the layer's weight has the values."""

    integers: Tensor
    step: Tensor
    zero_point: Tensor | None
    scale: Tensor | None
    offset: Tensor | None

    def __init__(self, weight: QuantizedWeight) -> None:
        super().__init__()
        affine, correction = weight.affine, weight.correction
        self.grid, self.axis = affine.grid, affine.axis
        self.channels = 0 if correction is None else correction.axis
        held = {
            "integers": weight.integers,
            "step": affine.step,
            "zero_point": affine.zero_point,
            "scale": None if correction is None else correction.scale,
            "offset": None if correction is None else correction.offset,
        }
        for name, value in held.items():
            self.register_buffer(name, None if value is None else value.detach().clone())

    def record(self) -> QuantizedWeight:
        """The weight as data."""
        correction = None
        if self.scale is not None and self.offset is not None:
            correction = Correction(self.scale, self.offset, self.channels)
        return QuantizedWeight(
            self.integers, Affine(self.step, self.zero_point, self.grid, self.axis), correction
        )

    def extra_repr(self) -> str:
        return f"{self.grid.bits} bits, axis={self.axis}"


def integer_type(grid: Grid) -> torch.dtype:
    """The smallest type of whole numbers that holds a grid, with a sign if the grid has one.

    >>> integer_type(Grid.signed(4)), integer_type(Grid.unsigned(16))
    (torch.int8, torch.uint16)
    """
    narrow, wide = (torch.int8, torch.int16) if grid.qmin < 0 else (torch.uint8, torch.uint16)
    return narrow if grid.bits <= 8 else wide
