"""The graph of a network whose layers stay whole: quantizers, quantizable layers and norms are single nodes.

Functions such as ``torch.ones`` do not let a size stand for any number, as attention's masks need it; while a network
is traced they are nodes themselves where one of their arguments is.
"""

from __future__ import annotations

import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from typing import Any

import torch
from torch import Tensor, fx, nn

from explorer.blocks import QUANTIZABLE
from explorer.quantizers.modules import FakeQuantizer

_MAKING = ("empty", "eye", "full", "ones", "zeros")  # functions that take sizes
_one_at_a_time = threading.Lock()


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
        with _sizes_of_any_number():
            graph = fx.GraphModule(network, _Layers().trace(network, concrete_args=given))
        with torch.no_grad():
            same = _same(graph(inputs), network(inputs))
    except Exception as error:  # a person's own forward may raise anything
        return f"the network has no fixed graph that could be traced ({type(error).__name__}: {error})"
    return graph.eval() if same else "its graph depends on its inputs"


@contextmanager
def _sizes_of_any_number() -> Iterator[None]:
    with _one_at_a_time:
        own = {name: getattr(torch, name) for name in _MAKING}
        for name, function in own.items():
            setattr(torch, name, wraps(function)(partial(_made, function)))
        try:
            yield
        finally:
            for name, function in own.items():
                setattr(torch, name, function)


def _made(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """What a function gives, or the node that it is where an argument is one."""
    found: list[fx.Proxy] = []
    fx.node.map_aggregate(
        (args, options), lambda each: found.append(each) if isinstance(each, fx.Proxy) else each
    )
    if not found:
        return function(*args, **options)
    return found[0].tracer.create_proxy("call_function", function, args, options)


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
