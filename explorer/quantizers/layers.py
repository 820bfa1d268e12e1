"""Which layers of a network can be quantized, and how a plan's layer names are matched to them.

A weight that several modules share is one layer: whichever of its names the plan uses, all of them see the
same quantized weight.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from torch import nn
from torch.nn.utils import parametrize

from explorer.blocks import QUANTIZABLE
from explorer.errors import QuantizerError
from explorer.products import output_axis
from explorer.quantizers.grid import FLOAT_BITS, check_bits


@dataclass(frozen=True)
class Place:
    """One module to quantize. Places with the same `weight` share one Parameter."""

    name: str
    weight: int  # number of the weight, the same for tied modules
    w_bits: int
    a_bits: int
    weight_axis: int  # where the output channels are


def places(model: nn.Module, bits: Mapping[str, tuple[int, int]]) -> tuple[Place, ...]:
    """The modules that `bits` (layer name -> bits of weight and of input) quantizes, in model order."""
    names = {name: m for name, m in model.named_modules(remove_duplicate=False) if isinstance(m, QUANTIZABLE)}
    for name, (w_bits, a_bits) in bits.items():
        _check_name(model, name, names)
        check_bits(w_bits, allow_float=True)
        check_bits(a_bits, allow_float=True)
    groups: dict[int, list[str]] = {}
    for name, module in names.items():
        # A weight that is computed on access has no lasting identity; its module stands for it.
        groups.setdefault(id(module._parameters.get("weight", module)), []).append(name)
    found = []
    for number, group in enumerate(groups.values()):
        named = [name for name in group if name in bits]
        if not named:
            continue
        widths = {bits[name][0] for name in named}
        if len(widths) > 1:
            raise QuantizerError(
                f"the layers {', '.join(map(repr, named))} share one weight but are given "
                f"{' and '.join(map(str, sorted(widths)))} bits: give them the same"
            )
        for name in group:
            _check_plain(names[name], name)
        axis = output_axis(names[group[0]])
        for members in _by_module(group, names):
            own = {bits[name][1] for name in members if name in bits} or {bits[named[0]][1]}
            if len(own) > 1:
                raise QuantizerError(
                    f"the names {', '.join(map(repr, members))} mean one module but are given different "
                    "activation bits: give them the same"
                )
            a_bits = FLOAT_BITS if isinstance(names[members[0]], nn.Embedding) else own.pop()
            found.append(Place(members[0], number, widths.copy().pop(), a_bits, axis))
    return tuple(found)


def input_axis(module: nn.Module) -> int:
    """The channel dimension of a layer's input, counted from the end so that unbatched inputs work too."""
    if isinstance(module, nn.modules.conv._ConvNd):
        return -1 - len(module.kernel_size)
    return -1


def _by_module(group: list[str], names: Mapping[str, nn.Module]) -> list[list[str]]:
    aliases: dict[int, list[str]] = {}
    for name in group:
        aliases.setdefault(id(names[name]), []).append(name)
    return list(aliases.values())


def _check_plain(module: nn.Module, name: str) -> None:
    if "weight" not in module._parameters or parametrize.is_parametrized(module):
        raise QuantizerError(
            f"the weight of layer {name!r} is computed anew on each forward pass (weight norm or another "
            "parametrization): remove that before quantizing"
        )


def _check_name(model: nn.Module, name: str, names: Mapping[str, nn.Module]) -> None:
    if name in names:
        return
    other = dict(model.named_modules(remove_duplicate=False)).get(name)
    if other is not None and name:
        raise QuantizerError(
            f"the layer {name!r} is a {type(other).__name__}, which is not quantized: name convolutions, "
            "linear layers or embeddings"
        )
    near = difflib.get_close_matches(name, list(names), n=3, cutoff=0.3) or list(names)[:3]
    raise QuantizerError(
        f"the network has no layer {name!r}: the nearest names are {', '.join(map(repr, near))}"
        if near
        else f"the network has no layer {name!r}, nor any other that can be quantized"
    )
