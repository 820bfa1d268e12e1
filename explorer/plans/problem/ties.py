r"""Blocks that belong together because a residual adds what they compute.

HAWQ-V3 ties a residual's projection (its "downsample" convolution) to the first layer of the main path: both
read the same activations, and what they lead to is added (Yao et al. 2021; its profiles list conv1 and
downsample of every stage's first unit). The ties are found on the data-flow graph of one forward pass, whose
nodes are the uses of quantizable weights and the places where several tensors meet; everything else (batch norm,
activations, pooling, reshaping) passes its input's node on.

For an addition of tensors from nodes p_1, p_2, ...: let X be the last node that all of them descend from
through every path (their nearest common dominator). The layers next to X on the way to p_i are the first of
branch i. When every branch has a first layer, so that no branch is the identity, all first layers are tied.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from explorer.blocks import Block, Granularity, quantizable_layers
from explorer.studies.study import AnyStudy

_ADDITIONS = {
    torch.add,
    torch.sub,
    Tensor.add,
    Tensor.add_,
    Tensor.sub,
    Tensor.sub_,
    Tensor.__add__,
    Tensor.__radd__,
    Tensor.__iadd__,
    Tensor.__sub__,
    Tensor.__isub__,
}
ROOT = 0  # the input of the network


def automatic_ties(study: AnyStudy, granularity: Granularity = "layer") -> tuple[tuple[str, ...], ...]:
    """Groups of blocks to tie, in depth order; a profile's own ties.

    Args:
        granularity: of the blocks. Layers of one block need no tie.
    """
    if not study.has_network:
        return study.ties
    return ties_of(study, study.blocks(granularity))


def ties_of(study: AnyStudy, blocks: Sequence[Block]) -> tuple[tuple[str, ...], ...]:
    """The same for blocks that are at hand."""
    if not study.has_network:
        return study.ties
    found = tied_layers(study.model(), study.data.inputs("test", slice(0, 1)))
    block_of = {layer.name: block.name for block in blocks for layer in block.layers}
    depth = {block.name: place for place, block in enumerate(blocks)}
    groups = [sorted({block_of[layer] for layer in tie}, key=depth.__getitem__) for tie in found]
    return tuple(tuple(group) for group in groups if len(group) > 1)


def tied_layers(model: nn.Module, example: Tensor) -> tuple[tuple[str, ...], ...]:
    """Groups of layers whose results meet in an addition, from one forward pass on ``example``."""
    recorder = _Recorder(model, example)
    with torch.no_grad(), recorder:
        model(example)
    graph = recorder.nodes
    dominators = _dominators(graph)
    ties: list[tuple[str, ...]] = []
    for node in graph:
        if not node.addition:
            continue
        branches = [_next_layers(graph, _common(dominators, node.before), end) for end in node.before]
        if all(branches):
            names = {name for branch in branches for layer in branch for name in graph[layer].layers}
            ties.append(tuple(sorted(names)))
    return tuple(tie for tie in dict.fromkeys(ties) if len(tie) > 1)


@dataclass(frozen=True)
class _Node:
    """A use of weights, or a place where tensors meet.

    Attributes:
        before: the nodes whose results it takes, in the order in which they came; always earlier ones.
        layers: whose weights are used; none where tensors meet.
        addition: tensors are added.
    """

    before: tuple[int, ...]
    layers: tuple[str, ...] = ()
    addition: bool = False


@dataclass
class _Seen:
    """Where a tensor comes from: a node, or weights alone."""

    tensor: Tensor  # kept, so that its id stays its own
    node: int | None = None
    layers: frozenset[str] = field(default_factory=frozenset)


class _Recorder(TorchFunctionMode):
    """Follows every tensor through a forward pass."""

    def __init__(self, model: nn.Module, example: Tensor) -> None:
        super().__init__()
        self.nodes = [_Node(())]
        self._seen = {id(example): _Seen(example, ROOT)}
        for name, module in quantizable_layers(model):
            weight = module.weight
            assert isinstance(weight, Tensor)
            self._seen[id(weight)] = _Seen(weight, None, frozenset({name}))

    def __torch_function__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = function(*args, **(kwargs or {}))
        sources = [self._seen[id(t)] for t in _tensors((args, kwargs)) if id(t) in self._seen]
        outputs = list(_tensors(result))
        if sources and outputs:
            node, layers = self._origin(function, sources)
            for tensor in outputs:
                self._seen[id(tensor)] = _Seen(tensor, node, layers)
        return result

    def _origin(self, function: Any, sources: Sequence[_Seen]) -> tuple[int | None, frozenset[str]]:
        before = tuple(dict.fromkeys(source.node for source in sources if source.node is not None))
        layers = frozenset[str]().union(*(source.layers for source in sources))
        if not before:
            return None, layers
        if len(before) == 1 and not layers:
            return before[0], frozenset()
        self.nodes.append(_Node(before, tuple(sorted(layers)), not layers and function in _ADDITIONS))
        return len(self.nodes) - 1, frozenset()


def _tensors(value: Any) -> Iterator[Tensor]:
    return (leaf for leaf in pytree.tree_leaves(value) if isinstance(leaf, Tensor))


def _dominators(graph: Sequence[_Node]) -> list[int]:
    """For each node the last one that every path from the input to it goes through; the input's is itself."""
    found = [ROOT]
    for node in graph[1:]:
        found.append(_common(found, node.before))
    return found


def _common(dominators: Sequence[int], nodes: Sequence[int]) -> int:
    """The nearest node that is or dominates all of these."""

    def nearest(a: int, b: int) -> int:
        while a != b:  # a dominator always comes earlier
            a, b = min(a, b), dominators[max(a, b)]
        return a

    return reduce(nearest, nodes)


def _next_layers(graph: Sequence[_Node], start: int, end: int) -> set[int]:
    """The layers that come first on the ways from ``start`` to ``end``, ``end`` included."""
    reached: set[int] = set()
    found: set[int] = set()
    waiting = [end]
    while waiting:
        node = waiting.pop()
        if node in reached or node <= start:
            continue
        reached.add(node)
        waiting += graph[node].before
        if graph[node].layers and _fed_directly(graph, start, node):
            found.add(node)
    return found


def _fed_directly(graph: Sequence[_Node], start: int, node: int) -> bool:
    """Whether a layer reads what ``start`` computes with no other layer in between."""
    waiting = list(graph[node].before)
    while waiting:
        place = waiting.pop()
        if place == start:
            return True
        if place > start and not graph[place].layers:
            waiting += graph[place].before
    return False
