"""Which weight an operator reads: parameters, told apart by identity, and what is a view of one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from explorer.studies.standard.operators import OPERATORS, VIEWS, View, operands, settings


@dataclass(frozen=True, eq=False)
class Read:
    """A tensor that an operator may read as its weight.

    Attributes:
        key: number of the parameter behind it.
        chain: views from the parameter to it.
        computed: a parametrization computed it from the parameter, so that it holds values of its own.
    """

    tensor: Tensor
    key: int
    chain: tuple[View, ...] = ()
    computed: bool = False


@dataclass(frozen=True, eq=False)
class Seen:
    """One operator that read a weight."""

    word: str
    slot: int
    read: Read
    input: Tensor
    settings: Mapping[str, Any]

    @property
    def form(self) -> str:
        """Equal for operators that one module can stand for, if they read the same parameter."""
        chain = ".".join(view.key for view in self.read.chain)
        return f"{self.word} {self.slot} {sorted(self.settings.items())} {chain}"


class Weights:
    """Tensors known to be parameters or views of them, while a network runs."""

    def __init__(self, parameters: Mapping[int, Tensor]) -> None:
        self._known = {id(tensor): Read(tensor, key) for key, tensor in parameters.items()}

    def add(self, read: Read) -> None:
        """Take a further tensor for a weight."""
        self._known[id(read.tensor)] = read

    def seen(self, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Seen | None:
        """The operator, if it is one and reads a weight."""
        operator = OPERATORS.get(function)
        found = None if operator is None else operands(operator, args, kwargs)
        if operator is None or found is None:
            return None
        reads = [self._known.get(id(each)) for each in found]
        slots = [slot for slot in (1, 0) if reads[slot] is not None and operator.weight in (None, slot)]
        if len(slots) != 1 or None not in reads:  # a product of two weights is no layer
            return None
        read = reads[slots[0]]
        assert read is not None
        if read.tensor.ndim < 2:
            return None
        return Seen(operator.word, slots[0], read, found[1 - slots[0]], settings(operator, args, kwargs))

    def follow(self, function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
        """Know the views of a weight for views of it."""
        if function not in VIEWS or not args or id(args[0]) not in self._known:
            return
        read, rest = self._known[id(args[0])], args[1:]
        if any(isinstance(each, Tensor) for each in (*rest, *kwargs.values())):
            return
        if isinstance(output, Tensor):
            outputs: list[tuple[int | None, Tensor]] = [(None, output)]
        else:
            outputs = list(enumerate(output))
        for index, tensor in outputs:
            view = View(function, rest, kwargs, index)
            if tensor is not read.tensor:
                self.add(Read(tensor, read.key, (*read.chain, view), read.computed))


def holders(model: nn.Module) -> dict[int, list[tuple[str, nn.Module, str]]]:
    """Parameters by identity: each module that holds it, with its dotted name, in model order."""
    found: dict[int, list[tuple[str, nn.Module, str]]] = {}
    for name, module in model.named_modules():
        for parameter, tensor in module._parameters.items():
            if tensor is not None:
                found.setdefault(id(tensor), []).append((name, module, parameter))
    return found
