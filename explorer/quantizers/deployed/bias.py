r"""The bias of an integer layer: whole numbers of 32 bits in units of the products that they are added to.

    Σ s_x (q_x - z_x) s_w q_w + b  =  s_x s_w (Σ (q_x - z_x) q_w + q_b),        q_b = round(b / (s_x s_w))

(Jacob et al. 2018, sec. 2.4). The unit is the float32 product of the step of the input and the step of the weight, of
each output channel; halves round to even.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from explorer.errors import ExportError
from explorer.quantizers.uniform import Affine

BIAS = "stored_bias"
_MOST = 2**31 - 1


class StoredBias(nn.Module):
    """Integers (channels,) int32 and their unit (channels,) or (); a child of its layer, which computes nothing."""

    integers: Tensor
    unit: Tensor

    def __init__(self, integers: Tensor, unit: Tensor) -> None:
        super().__init__()
        self.register_buffer("integers", integers)
        self.register_buffer("unit", unit)

    def value(self) -> Tensor:
        """The bias that they stand for, float32."""
        return self.integers.to(self.unit.dtype) * self.unit


def integer_bias(bias: Tensor, weight: Affine, inputs: Affine) -> StoredBias:
    """A bias in whole numbers.

    Raises:
        ExportError: the inputs have a step a channel, so that there is no one unit; or 32 bits do not suffice.
    """
    if inputs.axis is not None:
        raise ExportError(
            "its inputs have one step a channel, which integers cannot be summed over; use one a tensor"
        )
    unit = inputs.step * weight.step
    whole = (bias.detach().double() / unit.double()).round()
    if not bool((whole.abs() <= _MOST).all()):  # infinite and NaN are not either
        raise ExportError(
            f"its bias needs more than 32 bits, {float(whole.abs().max()):.3g} times the step of its products; "
            "its weights are next to nothing, so leave it in FP32"
        )
    return StoredBias(whole.to(torch.int32), unit)
