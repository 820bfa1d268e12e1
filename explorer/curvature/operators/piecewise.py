r"""Tensors in which the outputs are piecewise linear, so that Gauss-Newton is the whole Hessian.

If f is piecewise linear in W_l with everything else fixed, the second derivative of f with respect to W_l
vanishes almost everywhere and the diagonal block of the Hessian is J_l^T H_L J_l. This is read off the graph
that autograd recorded: f is piecewise linear in a variable if every operation between them is linear or
piecewise linear in its input, and no product has the variable on both sides (as a weight used twice in a row,
or attention, would have). Whatever is not known to be harmless counts as curved, functional calls included.
"""

from collections.abc import Mapping

from torch import Tensor
from torch.autograd.graph import Node

# Linear in each input with the others fixed; a variable on both sides makes them curved.
_PRODUCTS_NAMES = """
    Addmm Addmv Addbmm Baddbmm Bmm Mm Mv Dot Mul Linear Bilinear Lerp Convolution CudnnConvolution
    MkldnnConvolution SlowConv2D SlowConv3D NativeBatchNorm CudnnBatchNorm MiopenBatchNorm PreluKernel
"""
_PRODUCTS = frozenset(_PRODUCTS_NAMES.split())
# Linear or piecewise linear jointly in all inputs.
_LINEAR_NAMES = """
    Abs Add Alias Amax Amin AsStrided Cat Clamp ClampMax ClampMin Clone Cumsum Diagonal Embedding Expand
    Flip Fold Gather Hardtanh Im2Col Col2Im Index IndexSelect LeakyRelu MaskedFill Max Maximum Mean
    Median Min Minimum Narrow Neg Permute PixelShuffle PixelUnshuffle Relu Repeat ReshapeAlias Roll
    Rot90 Rsub Select Slice Split SplitWithSizes Squeeze Stack Sub Sum T Threshold ToCopy Transpose
    Unbind Unfold UnsafeView Unsqueeze View Where
"""
_LINEAR = frozenset(_LINEAR_NAMES.split())
_LINEAR_FAMILIES = (
    "MaxPool", "AvgPool", "AdaptiveAvgPool", "AdaptiveMaxPool", "MkldnnMaxPool", "MkldnnAdaptiveAvgPool",
    "Upsample", "ReflectionPad", "ReplicationPad", "ConstantPad",
)  # fmt: skip


def curved(outputs: Tensor, variables: Mapping[str, list[Node]]) -> frozenset[str]:
    """Names of the variables in which ``outputs`` is not known to be piecewise linear.

    Args:
        variables: name to the graph nodes that stand for it: the one ``AccumulateGrad`` node of a weight, or
            the node of every use of an activation (each is a variable of its own: only the diagonal counts).
    """
    start = outputs.grad_fn
    if start is None:
        return frozenset()
    names = {node: name for name, nodes in variables.items() for node in nodes}
    order = _topological(start)
    below: dict[Node, frozenset[Node]] = {}
    bad: set[Node] = set()
    for node in order:
        inputs = [child for child, _ in node.next_functions if child is not None]
        reached = frozenset().union(*(below[child] for child in inputs))
        kind = _kind(node)
        if kind == "product":
            seen: frozenset[Node] = frozenset()
            for child in inputs:
                bad |= seen & below[child]
                seen |= below[child]
        elif kind == "curved":
            bad |= reached
        below[node] = reached | {node} if node in names else reached
    return frozenset(names[node] for node in bad)


def _kind(node: Node) -> str:
    name = node.name().rpartition("::")[2]
    stem = name.partition("Backward")[0].lstrip("_")
    if name == "AccumulateGrad" or stem in _LINEAR or stem.startswith(_LINEAR_FAMILIES):
        return "linear"
    if stem.endswith("BatchNorm") and getattr(node, "_saved_training", False):
        return "curved"  # statistics of the batch itself, as without running statistics
    if stem in _PRODUCTS:
        return "product"
    if stem == "Div":
        return "linear" if _only_numerator(node) else "curved"
    return "curved"


def _only_numerator(node: Node) -> bool:
    return len(node.next_functions) < 2 or node.next_functions[1][0] is None


def _topological(start: Node) -> list[Node]:
    """Every node reachable from ``start``, inputs before the operations that use them."""
    order: list[Node] = []
    done: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(start, False)]
    while stack:
        node, expanded = stack.pop()
        if expanded:
            order.append(node)
            continue
        if node in done:
            continue
        done.add(node)
        stack.append((node, True))
        stack.extend(
            (child, False) for child, _ in node.next_functions if child is not None and child not in done
        )
    return order
