"""A study's network with the layers of other libraries for quantization-aware training, as each would be used.

The same widths as ours where a library has them: weights per channel, inputs after a ReLU unsigned. Whatever a library
does beside, such as following ranges or learning, is what it does by default.
"""

import copy
import importlib.metadata
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Bits = Mapping[str, tuple[int, int]]
Convert = Callable[[nn.Module, Bits], nn.Module]


def brevitas(model: nn.Module, bits: Bits) -> nn.Module:
    """Brevitas: its QuantConv2d and QuantLinear; weights Int8WeightPerChannelFloat at the plan's width."""
    import brevitas.nn as qnn
    from brevitas.quant import (
        Int8ActPerTensorFloat,
        Int8WeightPerChannelFloat,
        Uint8ActPerTensorFloat,
    )

    network = copy.deepcopy(model)
    for number, (name, (w_bits, a_bits)) in enumerate(bits.items()):
        old = network.get_submodule(name)
        common: dict[str, Any] = {
            "bias": getattr(old, "bias", None) is not None,
            "weight_quant": Int8WeightPerChannelFloat,
            "weight_bit_width": w_bits,
            "input_quant": Uint8ActPerTensorFloat if number else Int8ActPerTensorFloat,
            "input_bit_width": a_bits,
        }
        if isinstance(old, nn.Conv2d):
            new = qnn.QuantConv2d(
                old.in_channels,
                old.out_channels,
                old.kernel_size,
                stride=old.stride,
                padding=old.padding,
                groups=old.groups,
                **common,
            )
        elif isinstance(old, nn.Linear):
            new = qnn.QuantLinear(old.in_features, old.out_features, **common)
        else:
            continue
        new.load_state_dict(old.state_dict(), strict=False)
        _replace(network, name, new)
    return network


def torchao(model: nn.Module, bits: Bits) -> nn.Module:
    """torchao: its IntxFakeQuantizer before F.conv2d and F.linear; it has no convolution of its own."""
    from torchao.quantization.qat import IntxFakeQuantizeConfig
    from torchao.quantization.qat.fake_quantizer import IntxFakeQuantizer

    class Fake(nn.Module):
        def __init__(self, old: nn.Conv2d | nn.Linear, w_bits: int, a_bits: int) -> None:
            super().__init__()
            self.old: Any = old
            weight = IntxFakeQuantizeConfig(getattr(torch, f"int{w_bits}"), granularity="per_channel")
            reaching = IntxFakeQuantizeConfig(
                getattr(torch, f"int{a_bits}"), granularity="per_token", is_symmetric=False
            )
            self.of_weight, self.of_input = IntxFakeQuantizer(weight), IntxFakeQuantizer(reaching)

        def forward(self, x: Tensor) -> Tensor:
            old, x = self.old, self.of_input(x)
            weight = self.of_weight(old.weight.flatten(1)).view_as(old.weight)
            if isinstance(old, nn.Conv2d):
                return F.conv2d(x, weight, old.bias, old.stride, old.padding, old.dilation, old.groups)
            return F.linear(x, weight, old.bias)

    network = copy.deepcopy(model)
    for name, (w_bits, a_bits) in bits.items():
        old = network.get_submodule(name)
        if isinstance(old, nn.Conv2d | nn.Linear):
            _replace(network, name, Fake(old, w_bits, a_bits))
    return network


def learnable(model: nn.Module, bits: Bits) -> nn.Module:
    """torch's own learnable fake-quantize operator at inputs and weights: another gradient than LSQ's."""

    class Learnable(nn.Module):
        zero: Tensor

        def __init__(self, step: float, low: int, high: int) -> None:
            super().__init__()
            self.step = nn.Parameter(torch.tensor([step]))
            self.register_buffer("zero", torch.zeros(1))
            self.low, self.high = low, high

        def forward(self, x: Tensor) -> Tensor:
            scale = (x.numel() * self.high) ** -0.5
            found: Tensor = torch._fake_quantize_learnable_per_tensor_affine(
                x, self.step, self.zero, self.low, self.high, scale
            )
            return found

    network = copy.deepcopy(model)
    for number, (name, (w_bits, a_bits)) in enumerate(bits.items()):
        layer: Any = network.get_submodule(name)
        half = 2 ** (w_bits - 1)
        size = float(layer.weight.detach().abs().max())
        nn.utils.parametrize.register_parametrization(
            layer, "weight", Learnable(size / half, -half, half - 1)
        )
        low, high = (0, 2**a_bits - 1) if number else (-(2 ** (a_bits - 1)), 2 ** (a_bits - 1) - 1)
        layer.add_module("input", Learnable(3 / high, low, high))
        layer.register_forward_pre_hook(lambda module, args: (module.input(args[0]),))
    return network


PEERS: Mapping[str, Convert] = {
    "brevitas": brevitas,
    "torchao": torchao,
    "torch, learnable operator": learnable,
}


def version(name: str) -> str | None:
    """Installed version of a library; None: not installed."""
    try:
        return importlib.metadata.version(name.partition(",")[0])
    except importlib.metadata.PackageNotFoundError:
        return None


def _replace(network: nn.Module, name: str, new: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, new)
