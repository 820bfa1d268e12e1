"""Layers for operators with a weight that torch has no module for, and what all *sites* have in common.

A site is the module through which one operator of a network runs (`studies.standard`): what hooks modules sees there
the tensor that the operator really gets. `Site.forward` computes the operator as the network asked for it, with the
site's weight in it; without that request, the plain form of its kind of layer.
"""

from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_ASKED = "_asked"


class Asked(Protocol):
    """One operator as a network asked for it."""

    def __call__(self, site: nn.Module, input: Tensor) -> Tensor:
        """Its value for an input, with the weight of a site in it."""


class TransposedLinear(nn.Module):
    """y = x W + b with the weight stored as (inputs, outputs), as GPT-2 stores it."""

    weight: Tensor

    def __init__(self, in_features: int, out_features: int, *, device: Any = None) -> None:
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = nn.Parameter(torch.empty(in_features, out_features, device=device))
        self.register_parameter("bias", None)

    def forward(self, input: Tensor) -> Tensor:
        """(..., inputs) -> (..., outputs)."""
        bias: Any = self.bias
        return F.linear(input, self.weight.t(), bias)


class Product(nn.Module):
    """Any other product of an input with a weight: of a part of the weight, in batches, from the left, or summed by
    ``einsum``.

    Its first dimension is taken for that of the output channels.
    """

    weight: Tensor

    def forward(self, input: Tensor) -> Tensor:
        """Raises: RuntimeError: always, for its form is known only to the network."""
        raise RuntimeError("a product is computed by the network that it is part of")


class Site:
    """Mixin before a kind of layer: the same layer, which computes what the network asked for if it asked."""

    def answer(self, asked: Asked, input: Tensor) -> Tensor:
        """Call the site as a module, hooks included, to compute what was asked for."""
        assert isinstance(self, nn.Module)
        vars(self)[_ASKED] = asked  # no argument, for hooks may put other arguments in the place of all
        try:
            found: Tensor = nn.Module.__call__(self, input)
            return found
        finally:
            vars(self).pop(_ASKED, None)

    def forward(self, input: Tensor) -> Tensor:
        """The operator's value."""
        asked: Asked | None = vars(self).pop(_ASKED, None)
        return self.plain(input) if asked is None else asked(self, input)  # type: ignore[arg-type]

    def plain(self, input: Tensor) -> Tensor:
        """The layer as its kind computes it."""
        found: Tensor = super().forward(input)  # type: ignore[misc]
        return found


def output_axis(module: nn.Module) -> int:
    """Where the output channels of a layer's weight are.

    >>> output_axis(nn.ConvTranspose1d(2, 3, 1))
    1
    """
    return 1 if isinstance(module, TransposedLinear | nn.modules.conv._ConvTransposeNd) else 0
