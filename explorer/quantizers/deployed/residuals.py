"""Quantizers of residual sums, so that they are added as integers: of both terms, and of the result.

A residual sum is ``+`` of two tensors of one shape. Both terms and the sum (after a rectifier that alone reads it) get
a quantizer each, and everything that reads such a tensor reads its quantized values. Where a layer reads the tensor
through a quantizer of the same width, that is the one; where the tensor is cut from another, or padded with zeros,
the other is quantized too and its quantizer serves again; elsewhere the range is that of calibration (min-max, affine,
one a tensor), as it is for inputs of layers.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from explorer.quantizers.grid import Grid
from explorer.quantizers.modules import INPUT, FakeQuantizer
from explorer.quantizers.settings import ACTIVATIONS
from explorer.quantizers.steps import min_max
from explorer.quantizers.steps.rows import as_rows, extremes
from explorer.quantizers.uniform import Affine

RESIDUAL = "residual_quantizers"
_ADDS = (operator.add, operator.iadd, torch.add)
_ADD_METHODS = ("add", "add_")
_RECTIFIERS = (nn.ReLU, nn.ReLU6, nn.Hardtanh)
_RECTIFIES = (F.relu, F.relu6, F.hardtanh, torch.relu, torch.relu_)
_RECTIFY_METHODS = ("relu", "relu_")


def quantize_residuals(graph: fx.GraphModule, calibration: Iterable[Any], bits: int) -> int:
    """Put quantizers at the residual sums of a graph, in place; the number of sums.

    Args:
        calibration: batches of inputs, run through the graph as it is.
    """
    shapes: dict[fx.Node, Any] = {}
    ranges: dict[fx.Node, tuple[Tensor, Tensor]] = {}
    adds = list(_adds(graph.graph))
    watched = set(adds) | {node for add in adds for node in _sites(graph, add)}
    if not watched:
        return 0
    for batch in calibration:
        _Watching(graph, watched, shapes, ranges).run(batch)
    adds = [
        add for add in adds if all(shapes.get(term) == shapes.get(add) is not None for term in _terms(add))
    ]
    sites = {node for add in adds for node in _sites(graph, add)}
    places = {node: place for place, node in enumerate(graph.graph.nodes)}
    quantizers = nn.ModuleDict()
    found: dict[fx.Node, Affine] = {}
    for site in sorted(sites & set(ranges), key=places.__getitem__):
        affine = (
            _readers_own(graph, site, bits) or _sources_own(site, found) or _calibrated(*ranges[site], bits)
        )
        found[site] = affine
        quantizers[str(len(quantizers))] = FakeQuantizer(affine, ACTIVATIONS)
    if found:
        graph.add_module(RESIDUAL, quantizers)
    for number, site in enumerate(found):
        readers = list(site.users)
        with graph.graph.inserting_after(site):
            quantized = graph.graph.call_module(f"{RESIDUAL}.{number}", (site,))
        for reader in readers:
            reader.replace_input_with(site, quantized)
    graph.graph.lint()
    graph.recompile()
    return len(adds)


class _Watching(fx.Interpreter):
    """Runs a graph and keeps the shapes and the extremes of some of its tensors."""

    def __init__(
        self,
        graph: fx.GraphModule,
        watched: set[fx.Node],
        shapes: dict[fx.Node, Any],
        ranges: dict[fx.Node, tuple[Tensor, Tensor]],
    ) -> None:
        super().__init__(graph)
        self._watched, self._shapes, self._ranges = watched, shapes, ranges

    def run_node(self, n: fx.Node) -> Any:
        with torch.no_grad():
            value = super().run_node(n)
        if n in self._watched and isinstance(value, Tensor) and value.is_floating_point():
            low, high = extremes(as_rows(value, None))
            seen = self._ranges.get(n, (low, high))
            self._ranges[n] = (torch.minimum(seen[0], low), torch.maximum(seen[1], high))
            self._shapes[n] = value.shape
        return value


def _adds(graph: fx.Graph) -> Iterator[fx.Node]:
    for node in graph.nodes:
        named = node.op == "call_function" and node.target in _ADDS
        method = node.op == "call_method" and node.target in _ADD_METHODS
        plain = len(node.args) == 2 and not node.kwargs
        if (named or method) and plain and all(isinstance(each, fx.Node) for each in node.args):
            yield node


def _terms(add: fx.Node) -> tuple[fx.Node, ...]:
    return tuple(each for each in add.args if isinstance(each, fx.Node))


def _sites(graph: nn.Module, add: fx.Node) -> Iterator[fx.Node]:
    """What is quantized for a sum: its terms, what they were cut or padded from, and the result."""
    for term in _terms(add):
        node: fx.Node | None = term
        while node is not None:
            yield node
            node = _source(node)
    yield _result(graph, add)


def _result(graph: nn.Module, add: fx.Node) -> fx.Node:
    """The sum, or what rectifies it if nothing else reads it."""
    if len(add.users) != 1:
        return add
    (reader,) = add.users
    rectifies = (
        (reader.op == "call_module" and isinstance(graph.get_submodule(str(reader.target)), _RECTIFIERS))
        or (reader.op == "call_function" and reader.target in _RECTIFIES)
        or (reader.op == "call_method" and reader.target in _RECTIFY_METHODS)
    )
    return reader if rectifies else add


def _readers_own(graph: nn.Module, site: fx.Node, bits: int) -> Affine | None:
    for reader in site.users:
        layer = graph.get_submodule(str(reader.target)) if reader.op == "call_module" else None
        quantizer = None if layer is None else layer._modules.get(INPUT)
        if isinstance(quantizer, FakeQuantizer):
            affine = quantizer.affine().detached()
            if affine.grid.bits == bits and affine.axis is None:
                return affine
    return None


def _sources_own(site: fx.Node, found: dict[fx.Node, Affine]) -> Affine | None:
    """The quantizer of what a term was cut or padded from."""
    source = _source(site)
    while source is not None and source not in found:
        source = _source(source)
    return None if source is None else found[source]


def _source(node: fx.Node) -> fx.Node | None:
    """What a node cuts from, or pads with zeros."""
    if node.target is F.pad:
        said: dict[str, Any] = {**dict(zip(("mode", "value"), node.args[2:], strict=False)), **node.kwargs}
        cut = said.get("mode", "constant") == "constant" and not said.get("value") and "pad" not in said
    else:
        cut = node.op == "call_function" and node.target is operator.getitem
    source = node.args[0] if cut and node.args else None
    return source if isinstance(source, fx.Node) else None


def _calibrated(low: Tensor, high: Tensor, bits: int) -> Affine:
    grid = Grid.of(bits, ACTIVATIONS.scheme)
    return min_max.along(min_max.from_range(low, high, grid, axis=0, scheme=ACTIVATIONS.scheme), None)
