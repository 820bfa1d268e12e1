"""The graph of a network whose layers stay whole: quantizers, quantizable layers and norms are single nodes."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import Tensor, fx, nn

from explorer.blocks import QUANTIZABLE
from explorer.quantizers.modules import FakeQuantizer


class _Layers(fx.Tracer):
    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, (*QUANTIZABLE, FakeQuantizer)) or super().is_leaf_module(
            m, module_qualified_name
        )


def traced(network: nn.Module, inputs: Any) -> fx.GraphModule | str:
    """The network as a graph that was seen to compute the same, or why there is none.

    Args:
        inputs: a batch, on which the graph and the network are compared.
    """
    parameters = list(inspect.signature(network.forward).parameters.values())
    given = {
        each.name: each.default for each in parameters[1:] if each.default is not inspect.Parameter.empty
    }
    try:
        graph = fx.GraphModule(network, _Layers().trace(network, concrete_args=given))
        with torch.no_grad():
            same = _same(graph(inputs), network(inputs))
    except Exception as error:  # a person's own forward may raise anything
        return f"the network has no fixed graph ({type(error).__name__}: {error})"
    return graph.eval() if same else "its graph depends on its inputs"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return isinstance(other, Tensor) and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, dict):
        return (
            isinstance(other, dict)
            and one.keys() == other.keys()
            and all(_same(one[k], other[k]) for k in one)
        )
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
