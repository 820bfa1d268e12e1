"""Blocks: the units that get one bit width each.

A *layer* is one weight tensor of a quantizable module (convolution, linear, embedding); a *block* is one
layer or, at ``module`` granularity, all layers of the nearest enclosing module that is neither the network
itself nor a mere container. On ResNet-20 the latter gives the eleven blocks of HAWQ's Table VI: the first
convolution, nine residual blocks and the classifier. Layers are told apart by the identity of their weight,
so a tied weight is one layer. Biases and batch-norm parameters are in no block: they stay in full precision,
as in the papers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from explorer.errors import StudyError
from explorer.products import Product, TransposedLinear

Granularity = Literal["layer", "module"]

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
QUANTIZABLE = (*CONVOLUTIONS, *TRANSPOSED, nn.Linear, nn.Embedding, TransposedLinear, Product)
_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)


@dataclass(frozen=True)
class Layer:
    """One quantizable weight and the module that uses it.

    Attributes:
        name: dotted name of the module, e.g. ``layer1.0.conv1``.
        kind: class of the module, e.g. ``Conv2d``; a depthwise convolution says ``Conv2d (depthwise)``.
        parameter: dotted name of the weight.
        shape: shape of the weight.
        weights: number of weights, n.
        macs: multiply-accumulates for one sample, over all calls.
        input_shape: shape of the input of one sample, without the batch dimension; () if it is never called.
        output_shape: the same for the output.
        calls: how often one forward pass uses the weight.
        shared: names of further modules that use the weight.
    """

    name: str
    kind: str
    parameter: str
    shape: tuple[int, ...]
    weights: int
    macs: int
    input_shape: tuple[int, ...] = ()
    output_shape: tuple[int, ...] = ()
    calls: int = 1
    shared: tuple[str, ...] = ()

    @property
    def output_axis(self) -> int:
        """Where the output channels of the weight are."""
        return 1 if self.kind.startswith(("ConvTranspose", TransposedLinear.__name__)) else 0

    @property
    def names(self) -> tuple[str, ...]:
        """Every module that uses the weight."""
        return (self.name, *self.shared)


@dataclass(frozen=True)
class Block:
    """Named layers that share one weight bit width and one activation bit width."""

    name: str
    layers: tuple[Layer, ...]

    @cached_property
    def weights(self) -> int:
        """Number of weights, n_i."""
        return sum(layer.weights for layer in self.layers)

    @cached_property
    def macs(self) -> int:
        """Multiply-accumulates for one sample."""
        return sum(layer.macs for layer in self.layers)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Dotted names of the weights."""
        return tuple(layer.parameter for layer in self.layers)

    @property
    def kind(self) -> str:
        """What the block is: the kind of its layer, or how many layers it has."""
        if len(self.layers) == 1:
            return self.layers[0].kind
        return f"{len(self.layers)} layers"


def partition(model: nn.Module, example: Tensor, *, granularity: Granularity = "layer") -> tuple[Block, ...]:
    """Split a network into blocks, in the order in which a forward pass reaches them.

    Args:
        model: the network; it is run once on ``example`` in eval mode, and every module's mode is restored.
        example: inputs of shape (N, ...); shapes and MACs are reported for one sample.
        granularity: ``layer`` for one block a layer, ``module`` for one block an enclosing module.

    Raises:
        StudyError: the network has no quantizable layer, or one whose weight is no parameter of its own.
    """
    return partitions(model, example)[granularity]


def partitions(model: nn.Module, example: Tensor) -> dict[Granularity, tuple[Block, ...]]:
    """Blocks at every granularity, from one forward pass; see `partition`."""
    layers = _observe(model, example)
    if not layers:
        raise StudyError("the network has no convolution, linear or embedding layer to quantize")
    grouped: dict[str, list[Layer]] = {}
    for layer in layers:
        grouped.setdefault(_enclosing(model, layer.name), []).append(layer)
    return {
        "layer": tuple(Block(layer.name, (layer,)) for layer in layers),
        "module": tuple(Block(name, tuple(members)) for name, members in grouped.items()),
    }


def quantizable_layers(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Every quantizable module under its first name, tied weights once."""
    seen: set[int] = set()
    for name, module in model.named_modules():
        if not isinstance(module, QUANTIZABLE):
            continue
        if "weight" not in module._parameters:
            raise StudyError(
                f"the weight of {name} is computed from other parameters; "
                f"fold it into one (torch.nn.utils.parametrize.remove_parametrizations) before it is studied"
            )
        if id(module.weight) not in seen:
            seen.add(id(module.weight))
            yield name, module


def _observe(model: nn.Module, example: Tensor) -> list[Layer]:
    """Run the network once and describe each layer in the order of first calls; uncalled layers come last."""
    owners: dict[int, Layer] = {}
    names_of = _names_by_weight(model)
    for name, module in quantizable_layers(model):
        weight = _weight(module)
        owners[id(weight)] = Layer(
            name=name,
            kind=_kind(module),
            parameter=f"{name}.weight" if name else "weight",
            shape=tuple(weight.shape),
            weights=weight.numel(),
            macs=0,
            calls=0,
            shared=names_of[id(weight)][1:],
        )
    order: list[int] = []
    samples = next((len(leaf) for leaf in tree_leaves(example) if isinstance(leaf, Tensor)), 1)

    def record(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Tensor) -> None:
        key = id(_weight(module))
        layer = owners[key]
        if key not in order:
            order.append(key)
        x: Tensor = args[0] if args else kwargs["input"]
        owners[key] = replace(
            layer,
            macs=layer.macs + _macs(module, x, output, samples),
            input_shape=layer.input_shape or _shape_of_one(x, samples),
            output_shape=layer.output_shape or _shape_of_one(output, samples),
            calls=layer.calls + 1,
        )

    handles = [
        module.register_forward_hook(record, with_kwargs=True)
        for module in model.modules()
        if isinstance(module, QUANTIZABLE)
    ]
    was_training = [module for module in model.modules() if module.training]
    try:
        model.eval()
        with torch.no_grad():
            model(example)
    finally:
        for module in was_training:
            module.training = True
        for handle in handles:
            handle.remove()
    return [owners[key] for key in order] + [layer for key, layer in owners.items() if key not in order]


def _names_by_weight(model: nn.Module) -> dict[int, tuple[str, ...]]:
    """The quantizable modules that use each weight, by its identity, in model order."""
    found: dict[int, tuple[str, ...]] = {}
    for name, module in model.named_modules():
        if isinstance(module, QUANTIZABLE):
            key = id(module._parameters.get("weight"))
            found[key] = (*found.get(key, ()), name)
    return found


def _kind(module: nn.Module) -> str:
    kind = next(base.__name__ for base in type(module).__mro__ if base in QUANTIZABLE)
    groups = getattr(module, "groups", 1)
    return f"{kind} (depthwise)" if groups > 1 and groups == module.in_channels else kind


def _macs(module: nn.Module, x: Tensor, output: Tensor, samples: int) -> int:
    """Multiply-accumulates of one sample: each weight is used once per spatial position (and sequence item).

    Positions are counted over the whole batch and shared out, because a network may fold windows or sequence
    items into the batch dimension.
    """
    if isinstance(module, nn.Embedding):
        return 0
    if isinstance(module, Product):  # each output is a sum over the inputs' last dimension, roughly
        return output.numel() * (x.shape[-1] if x.ndim else 1) // samples
    if isinstance(module, nn.Linear | TransposedLinear):  # of a weight that is used in parts, the part
        return x.numel() * output.shape[-1] // samples
    elif isinstance(module, TRANSPOSED):
        positions = x.numel() // module.in_channels
    else:
        assert isinstance(module, CONVOLUTIONS)
        positions = output.numel() // module.out_channels
    return _weight(module).numel() * positions // samples


def _shape_of_one(x: Tensor, samples: int) -> tuple[int, ...]:
    """Shape of one sample's part, which may be several entries of the batch."""
    entries = len(x) // samples if x.ndim else 1
    return tuple(x.shape[1:]) if entries <= 1 else (entries, *x.shape[1:])


def _weight(module: nn.Module) -> Tensor:
    assert isinstance(module.weight, Tensor)
    return module.weight


def _enclosing(model: nn.Module, layer: str) -> str:
    """The nearest enclosing module that is not a container and not the root; the layer itself if none."""
    parent = layer.rpartition(".")[0]
    while parent:
        if not isinstance(model.get_submodule(parent), _CONTAINERS):
            return parent
        parent = parent.rpartition(".")[0]
    return layer
