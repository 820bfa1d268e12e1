"""Functions that torch differentiates only once, in terms of functions that it differentiates twice.

F.hardsigmoid has no second derivative in torch, although it is piecewise linear: clamp(x + 3, 0, 6) / 6. A network that
uses it (MobileNetV3 does) is measured with that in its place, which is the same but for rounding.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


def _hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    return F.hardtanh(input + 3, 0.0, 6.0) / 6


_FORMS: Mapping[Any, Callable[..., Tensor]] = {F.hardsigmoid: _hardsigmoid}


class TwiceDifferentiable(nn.Module):
    """A network, with these functions replaced while it runs."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Any) -> Any:
        """The network's outputs."""
        with _Replacing():
            return self.network(inputs)


def twice_differentiable(model: nn.Module, example: Any) -> nn.Module:
    """The network, or one that computes the same where it uses such a function on the example."""
    with torch.no_grad(), _Replacing() as met:
        model(example)
    return TwiceDifferentiable(model) if met.any else model


class _Replacing(TorchFunctionMode):
    def __init__(self) -> None:
        super().__init__()
        self.any = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        form = _FORMS.get(func)
        self.any = self.any or form is not None
        return (form or func)(*args, **(kwargs or {}))
