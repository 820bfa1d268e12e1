"""Operators that multiply an input by a weight, as torch functions, and the views of a weight that keep it a weight."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Slot = tuple[int, tuple[str, ...]]  # place among the positional arguments, and names as a keyword


@dataclass(frozen=True)
class Operator:
    """A function of two operands.

    Attributes:
        word: what it is.
        slots: where its operands stand.
        weight: which operand may be the weight; None where either may.
        settings: its further arguments that decide what it computes, with their places and defaults.
    """

    word: str
    slots: tuple[Slot, Slot]
    weight: int | None = None
    settings: tuple[tuple[str, int, Any], ...] = ()


_FIRST: tuple[Slot, Slot] = ((0, ("input",)), (1, ("weight",)))
_PAIR: tuple[Slot, Slot] = ((0, ("input", "self")), (1, ("other", "mat2", "tensor2")))
_ADDED: tuple[Slot, Slot] = ((1, ("mat1", "batch1")), (2, ("mat2", "batch2")))
_CONVOLUTION = (("stride", 3, 1), ("padding", 4, 0), ("dilation", 5, 1), ("groups", 6, 1))
_TRANSPOSED = (
    ("stride", 3, 1),
    ("padding", 4, 0),
    ("output_padding", 5, 0),
    ("groups", 6, 1),
    ("dilation", 7, 1),
)
_LOOKED_UP = (("padding_idx", 2, None), ("max_norm", 3, None))

OPERATORS: Mapping[Any, Operator] = {
    **{
        function: Operator(f"conv{d}d", _FIRST, 1, _CONVOLUTION)
        for d, function in enumerate((torch.conv1d, torch.conv2d, torch.conv3d), 1)
    },
    **{
        function: Operator(f"conv_transpose{d}d", _FIRST, 1, _TRANSPOSED)
        for d, function in enumerate(
            (torch.conv_transpose1d, torch.conv_transpose2d, torch.conv_transpose3d), 1
        )
    },
    F.linear: Operator("linear", _FIRST, 1),
    F.embedding: Operator("embedding", _FIRST, 1, _LOOKED_UP),
    **dict.fromkeys(
        (
            *(torch.matmul, Tensor.matmul, Tensor.__matmul__),
            *(torch.mm, Tensor.mm, torch.bmm, Tensor.bmm),
        ),
        Operator("product", _PAIR),
    ),
    Tensor.__rmatmul__: Operator("product", (_PAIR[1], _PAIR[0])),
    **dict.fromkeys(
        (torch.addmm, Tensor.addmm, torch.baddbmm, Tensor.baddbmm),
        Operator("product", _ADDED),
    ),
    torch.einsum: Operator("einsum", ((1, ()), (2, ()))),
}

# They read weights, in a way that no module of its own can stand for.
OPAQUE: Mapping[str, str] = {
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), "a recurrent layer's kernel"),
    "multi_head_attention_forward": "nn.MultiheadAttention's own function",
    "embedding_bag": "F.embedding_bag",
    "bilinear": "F.bilinear",
}

_PROPERTIES: Any = (Tensor.T, Tensor.mT)  # torch calls their getters
TRANSPOSITIONS = frozenset({torch.t, Tensor.t, *(each.__get__ for each in _PROPERTIES)})
_SWAPS = frozenset({torch.transpose, Tensor.transpose, torch.swapaxes, Tensor.swapaxes})
VIEWS = (
    TRANSPOSITIONS
    | _SWAPS
    | {
        getattr(owner, name)
        for owner in (torch, Tensor)
        for name in (
            *("permute", "reshape", "unsqueeze", "squeeze", "chunk", "split", "narrow", "select"),
            *("flatten", "unbind", "unflatten", "movedim", "view", "contiguous", "expand"),
        )
        if hasattr(owner, name)
    }
    | {Tensor.__getitem__}
)


def operands(
    operator: Operator, args: tuple[Any, ...], kwargs: Mapping[str, Any]
) -> tuple[Tensor, Tensor] | None:
    """Both operands; None where it is given others than two tensors."""
    if operator.word == "einsum":
        given = args[1] if len(args) == 2 and isinstance(args[1], list | tuple) else args[1:]
        found = list(given)
    else:
        found = [_at(slot, args, kwargs) for slot in operator.slots]
    if len(found) != 2 or not all(isinstance(each, Tensor) for each in found):
        return None
    return found[0], found[1]


def replaced(
    operator: Operator, args: tuple[Any, ...], kwargs: Mapping[str, Any], values: tuple[Tensor, Tensor]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments with other operands."""
    if operator.word == "einsum":
        return (args[0], *values), dict(kwargs)
    positional, named = list(args), dict(kwargs)
    for (place, names), value in zip(operator.slots, values, strict=True):
        if place < len(positional):
            positional[place] = value
        else:
            named[next(name for name in names if name in named)] = value
    return tuple(positional), named


def settings(operator: Operator, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the operator beside its operands, by name."""
    found = {}
    for name, place, default in operator.settings:
        value = args[place] if place < len(args) else kwargs.get(name, default)
        found[name] = tuple(value) if isinstance(value, list | tuple) else value
    if operator.word == "einsum":
        found["equation"] = args[0]
    return found


def is_transposition(chain: tuple["View", ...], weight: Tensor) -> bool:
    """Whether these views are one exchange of a matrix's two dimensions."""
    if len(chain) != 1 or weight.ndim != 2:
        return False
    (view,) = chain
    if view.function in TRANSPOSITIONS:
        return True
    return view.function in _SWAPS and sorted(axis % 2 for axis in view.args) == [0, 1]


@dataclass(frozen=True, eq=False)
class View:
    """One view: function, arguments after the tensor, and which of its results."""

    function: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    index: int | None

    @property
    def key(self) -> str:
        """Equal for equal views."""
        name = getattr(self.function, "__name__", "")
        owner = getattr(getattr(self.function, "__self__", None), "__name__", "")
        return f"{owner}{name}{self.args}{sorted(self.kwargs.items())}{self.index}"

    def of(self, tensor: Tensor) -> Tensor:
        """The same view of another tensor."""
        found: Any = self.function(tensor, *self.args, **self.kwargs)
        value: Tensor = found if self.index is None else found[self.index]
        return value


def viewed(chain: tuple[View, ...], tensor: Tensor) -> Tensor:
    """The views, one after the other."""
    for view in chain:
        tensor = view.of(tensor)
    return tensor


def _at(slot: Slot, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    place, names = slot
    if place < len(args):
        return args[place]
    return next((kwargs[name] for name in names if name in kwargs), None)
