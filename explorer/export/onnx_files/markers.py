"""Markers: operators of a domain of our own that stand for quantizers while PyTorch exports a network.

The exporter knows no quantizer of fewer than 8 bits, folds what it can into weights, and renames parameters. A marker
is opaque to it and carries its key, so that `lowering` finds every quantizer, weight and bias again.

    explorer::Input    in place of a `FakeQuantizer` of activations
    explorer::Weight   on a quantized weight, as a parametrization
    explorer::Bias     on an int32 bias, as a parametrization
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from explorer.quantizers.deployed import BIAS, StoredBias
from explorer.quantizers.modules import FakeQuantizer
from explorer.quantizers.stored import STORED, QuantizedWeight, StoredWeight
from explorer.quantizers.uniform import Affine

DOMAIN = "explorer"


class Marker(nn.Module):
    """The identity, exported as one operator."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__()
        self.kind, self.key = kind, key

    def forward(self, x: Tensor) -> Tensor:
        """x, unchanged."""
        return torch.onnx.ops.symbolic(
            f"{DOMAIN}::{self.kind}", (x,), {"key": self.key}, dtype=x.dtype, shape=x.shape, version=1
        )


@dataclass(frozen=True, eq=False)
class Marked:
    """A network with markers, and what each stands for by its key: the name of its place in the network."""

    network: nn.Module
    inputs: dict[str, Affine] = field(default_factory=dict)
    weights: dict[str, QuantizedWeight] = field(default_factory=dict)
    biases: dict[str, StoredBias] = field(default_factory=dict)


def marked(network: nn.Module) -> Marked:
    """A copy of a network that `simulate`, `freeze` or `deploy` made, with markers in it."""
    found = Marked(copy.deepcopy(network))
    keys: dict[nn.Module, str] = {}
    for name, module in list(found.network.named_modules()):
        if isinstance(module, FakeQuantizer):
            found.inputs[name] = module.affine().detached()
            found.network.set_submodule(name, Marker("Input", name))
    for name, layer in list(found.network.named_modules()):
        stored, bias = layer._modules.get(STORED), layer._modules.get(BIAS)
        if isinstance(stored, StoredWeight):
            key = keys.setdefault(stored, name)  # layers that share a weight share its integers
            found.weights[key] = stored.record()
            parametrize.register_parametrization(layer, "weight", Marker("Weight", key), unsafe=True)
        if isinstance(bias, StoredBias):
            found.biases[name] = bias
            parametrize.register_parametrization(layer, "bias", Marker("Bias", name), unsafe=True)
    return found
