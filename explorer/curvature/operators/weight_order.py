"""Order of the weights of a layer in the factors of its gradient (`per_sample`), and back.

The factors give a gradient as (groups, O, K): O output features by K inputs of each position, in every group. That is
the order of the weight itself but for two kinds of layer: a convolution without groups is unfolded with its channels
last, and a transposed convolution stores its inputs first.
"""

from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from explorer.blocks import CONVOLUTIONS, TRANSPOSED
from explorer.products import TransposedLinear

Order = tuple[Literal["plain", "channels last", "inputs first"], int]  # and the number of groups


def order_of(modules: Sequence[nn.Module]) -> Order | None:
    """The order that all uses of a weight have in common; None where there is none, or no order of this form."""
    found = {_order(module) for module in modules}
    return found.pop() if len(found) == 1 else None


def in_factors(order: Order, weight: Tensor) -> Tensor:
    """A tensor of the weight's shape as (groups, O, K)."""
    kind, groups = order
    if kind == "channels last":
        return weight.movedim(1, -1).reshape(1, len(weight), -1)
    rows = weight.reshape(groups, len(weight) // groups, -1)
    return rows.transpose(1, 2) if kind == "inputs first" else rows


def in_weight(order: Order, factors: Tensor, like: Tensor) -> Tensor:
    """A tensor (groups, O, K) in the shape of the weight ``like``: the inverse of `in_factors`."""
    kind, groups = order
    if kind == "channels last":
        shape = (len(like), *like.shape[2:], like.shape[1])
        return factors.reshape(shape).movedim(-1, 1).contiguous()
    if kind == "inputs first":
        factors = factors.reshape(groups, -1, len(like) // groups).transpose(1, 2)
    return factors.reshape(like.shape).contiguous()


def _order(module: nn.Module) -> Order | None:
    if isinstance(module, nn.Linear):
        return "plain", 1
    if isinstance(module, CONVOLUTIONS):
        return ("channels last", 1) if module.groups == 1 else ("plain", module.groups)
    if isinstance(module, TransposedLinear):
        return "inputs first", 1
    if isinstance(module, TRANSPOSED):
        return "inputs first", module.groups
    return None
