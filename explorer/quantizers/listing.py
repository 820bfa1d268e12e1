"""Layers of a quantized network with everything they were quantized by: what an export writes down."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from explorer.errors import QuantizerError
from explorer.quantizers.modules import INPUT, FakeQuantizer
from explorer.quantizers.stored import STORED, QuantizedWeight, StoredWeight
from explorer.quantizers.uniform import Affine


@dataclass(frozen=True, eq=False)
class QuantizedLayer:
    """One layer of a quantized network; None: left in FP32.

    Attributes:
        weight: as it is stored; one object where layers share it.
        input: quantizer of what reaches the layer.
    """

    weight: QuantizedWeight | None
    input: Affine | None


def quantized_layers(network: nn.Module) -> dict[str, QuantizedLayer]:
    """Every layer of a network that `simulate` or `freeze` quantized, by name, in the network's order.

    Raises:
        QuantizerError: the network is in training under quantization, so its weights are not settled.
    """
    found: dict[str, QuantizedLayer] = {}
    weights: dict[nn.Module, QuantizedWeight] = {}
    for name, layer in network.named_modules():
        if isinstance(layer, FakeQuantizer) and ".parametrizations." in f".{name}":
            raise QuantizerError("the network still trains through its quantizers: freeze it first")
        stored, quantizer = (layer._modules.get(child) for child in (STORED, INPUT))
        weight = None
        if isinstance(stored, StoredWeight):
            weight = weights.setdefault(stored, stored.record())
        affine = quantizer.affine().detached() if isinstance(quantizer, FakeQuantizer) else None
        if weight is not None or affine is not None:
            found[name] = QuantizedLayer(weight, affine)
    return found
