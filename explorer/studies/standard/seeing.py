"""One forward pass that is watched: which operators read which weights, and from where."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from explorer.blocks import QUANTIZABLE
from explorer.studies.standard.operators import OPAQUE
from explorer.studies.standard.weights_read import Seen, Weights, holders

_PLAIN = {
    method
    for kind in QUANTIZABLE
    for method in (kind.forward, getattr(kind, "_conv_forward", None))
    if method is not None
}


@dataclass(frozen=True, eq=False)
class Observed:
    """What one forward pass did.

    Attributes:
        elsewhere: operators that no plain layer computed from its own weight, in the order of first use; those of one
            form and parameter once. Their keys are identities of parameters.
        opaque: dotted names of parameters that an operator reads for which no module can stand, with what it is.
        called: identities of the modules that were called.
    """

    elsewhere: tuple[Seen, ...]
    opaque: dict[str, str]
    called: frozenset[int]


def observe(model: nn.Module, example: Any) -> Observed:
    """Run a network once on an example, in the mode it is in, and see its operators."""
    watcher = _Watcher(model)
    with watcher.calls(), torch.no_grad(), watcher:
        model(example)
    return Observed(tuple(watcher.elsewhere.values()), watcher.opaque, frozenset(watcher.called))


def is_plain(module: nn.Module) -> bool:
    """Whether a layer computes just what its kind computes, by its own weight."""
    own = type(module)
    return (
        isinstance(module, QUANTIZABLE)
        and {own.forward, getattr(own, "_conv_forward", own.forward)} <= _PLAIN
    )


class _Watcher(TorchFunctionMode):
    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.elsewhere: dict[tuple[int, str], Seen] = {}
        self.opaque: dict[str, str] = {}
        self.called: set[int] = set()
        self._model = model
        self._names = {
            id(module._parameters[parameter]): f"{name}.{parameter}" if name else parameter
            for held in holders(model).values()
            for name, module, parameter in held
        }
        parameters = {id(tensor): tensor for tensor in model.parameters()}
        self._weights = Weights(parameters)
        self._running: list[nn.Module] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        seen = self._weights.seen(func, args, kwargs)
        if seen is not None and not self._of_plain_layer(seen):
            self.elsewhere.setdefault((seen.read.key, seen.form), seen)
        word = OPAQUE.get(getattr(func, "__name__", ""))
        if word is not None:
            for each in torch.utils._pytree.tree_leaves((args, kwargs)):
                if isinstance(each, nn.Parameter) and each.ndim >= 2:
                    self.opaque.setdefault(self._names.get(id(each), "a weight"), word)
        output = func(*args, **kwargs)
        self._weights.follow(func, args, kwargs, output)
        return output

    def calls(self) -> Any:
        """Know which module runs."""
        return _Calls(self._model, self._begin, lambda _: self._running.pop())

    def _begin(self, module: nn.Module) -> None:
        self.called.add(id(module))
        self._running.append(module)

    def _of_plain_layer(self, seen: Seen) -> bool:
        if not self._running or seen.read.chain:
            return False
        module = self._running[-1]
        return is_plain(module) and module._parameters.get("weight") is seen.read.tensor


class _Calls:
    """Calls of every module, told as they begin and end."""

    def __init__(
        self, model: nn.Module, begin: Callable[[nn.Module], Any], end: Callable[[nn.Module], Any]
    ) -> None:
        self._model, self._begin, self._end = model, begin, end
        self._handles: list[Any] = []

    def __enter__(self) -> None:
        for module in self._model.modules():
            self._handles += [
                module.register_forward_pre_hook(lambda m, _: self._tell(self._begin, m), prepend=True),
                module.register_forward_hook(lambda m, _, __: self._tell(self._end, m), always_call=True),
            ]

    def __exit__(self, *raised: Any) -> None:
        for handle in self._handles:
            handle.remove()

    @staticmethod
    def _tell(function: Callable[[nn.Module], Any], module: nn.Module) -> None:
        function(module)
