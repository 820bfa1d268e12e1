"""Input that a convolution with a ``forward`` of its own convolves.

A subclass may change its input before it convolves: EfficientNet-Lite pads there, by amounts that its ``padding``
does not tell. What the gradient of its weight is made of is what ``F.conv2d`` is given, so that is looked at.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from explorer.blocks import CONVOLUTIONS
from explorer.curvature.operators.per_sample import padding_amounts
from explorer.products import Site

_FUNCTIONS = (torch.conv1d, torch.conv2d, torch.conv3d)
_PLAIN = {method for kind in CONVOLUTIONS for method in (kind.forward, kind._conv_forward)}


def has_its_own_forward(module: nn.Module) -> bool:
    """Whether a convolution may convolve something else than its input padded by ``padding``."""
    if not isinstance(module, CONVOLUTIONS) or isinstance(module, Site):
        return False
    return not {type(module).forward, type(module)._conv_forward} <= _PLAIN


class Convolved(TorchFunctionMode):
    """Hook on convolutions with one of some weights: tells what each was given, while it is entered.

    Args:
        weights: the weights, as the modules hold them.
        tell: called with the weight and the padded input, (N, C, *positions).
    """

    def __init__(self, weights: Sequence[Tensor], tell: Callable[[Tensor, Tensor], None]) -> None:
        super().__init__()
        self._weights = {id(weight) for weight in weights}
        self._tell = tell

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func in _FUNCTIONS:
            self._look(*args, **kwargs)
        return func(*args, **kwargs)

    def _look(
        self,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: str | int | Sequence[int] = 0,
        dilation: int | Sequence[int] = 1,
        groups: int = 1,
    ) -> None:
        """Tell of one convolution; the arguments are those of ``F.conv2d``, under its names."""
        if id(weight) in self._weights:
            amounts = padding_amounts(padding, weight.shape[2:], dilation)
            self._tell(weight, F.pad(input.detach(), amounts) if any(amounts) else input.detach())
