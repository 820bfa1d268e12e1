"""Networks whose outputs are tuples, lists or dicts of tensors, seen as networks with one tensor of outputs.

The curvature of the loss at the outputs is a matrix over all of them, so the parts are laid side by side in
one (N, C) tensor, and the loss, which takes the structure, has it put together again.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from explorer.errors import CurvatureError
from explorer.studies.losses import Loss

Build = Callable[
    [Tensor], tuple[Any, Tensor]
]  # takes its part of (N, C): what it builds, and the columns left


class SideBySide(nn.Module):
    """The network, with all floating-point tensors of its outputs in one (N, C) tensor."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C), in the order of the structure."""
        parts: list[Tensor] = []
        _collect(self.network(inputs), parts)
        if not parts:
            raise CurvatureError("the network gives no tensor; its outputs must hold at least one")
        return torch.cat([sample_rows(part) for part in parts], 1)


def sample_rows(outputs: Tensor) -> Tensor:
    """The outputs (N, ...) as a row a sample, (N, C); C is 1 where the network gives one number for each, (N,)."""
    return outputs.reshape(len(outputs), -1)


def flattened_loss(loss: Loss, outputs: Any) -> Loss:
    """The loss of the (N, C) tensor of a `SideBySide`, given one example of the structure."""
    build = _builder(outputs)

    def function(flat: Tensor, targets: Tensor) -> Any:
        return loss.per_sample(build(flat)[0], targets)

    return replace(loss, function=function)


def _collect(outputs: Any, parts: list[Tensor]) -> None:
    if torch.is_tensor(outputs):
        if outputs.is_floating_point():
            parts.append(outputs)
    elif isinstance(outputs, Mapping):
        for value in outputs.values():
            _collect(value, parts)
    elif isinstance(outputs, tuple | list):
        for value in outputs:
            _collect(value, parts)


def _builder(outputs: Any) -> Build:
    """Function that puts together what looks like ``outputs``; what is no floating-point tensor becomes None."""
    if torch.is_tensor(outputs) and outputs.is_floating_point():
        shape, width = outputs.shape[1:], outputs[0].numel()
        return lambda flat: (flat[:, :width].reshape(-1, *shape), flat[:, width:])
    if isinstance(outputs, Mapping):
        keys, inner = list(outputs), _sequence([_builder(value) for value in outputs.values()])

        def mapping(flat: Tensor) -> tuple[Any, Tensor]:
            values, left = inner(flat)
            return dict(zip(keys, values, strict=True)), left

        return mapping
    if isinstance(outputs, tuple | list):
        kind, members = type(outputs), _sequence([_builder(value) for value in outputs])

        def sequence(flat: Tensor) -> tuple[Any, Tensor]:
            values, left = members(flat)
            return kind(*values) if hasattr(kind, "_fields") else kind(values), left

        return sequence
    return lambda flat: (None, flat)


def _sequence(builders: list[Build]) -> Build:
    def build(flat: Tensor) -> tuple[list[Any], Tensor]:
        values = []
        for builder in builders:
            value, flat = builder(flat)
            values.append(value)
        return values, flat

    return build
