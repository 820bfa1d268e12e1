"""Operators on their way through modules of their own, while a network runs.

The network as a whole (`Routed`) runs under a `Router`, a mode that sees every torch function. An operator that reads
one of the routed weights is handed to the module that stands for it, its *site*, with the tensor that it was to be
applied to: hooks of the site see what the operator gets. The site applies the same function to the same tensors, so the
network computes what it did, to the bit.

A site may be the module that holds the weight (`OwnSite`): called by its network it runs the ``forward`` that its class
has, called by the router it is a plain layer. Nothing here has parameters of its own.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx, nn
from torch.nn.utils import parametrize
from torch.overrides import TorchFunctionMode

from explorer.products import Site
from explorer.studies.standard.operators import OPERATORS, replaced, viewed
from explorer.studies.standard.weights_read import Read, Seen, Weights

ROUTES = "_routes_of_operators"
_active = threading.local()


@dataclass(frozen=True, eq=False)
class Route:
    """One weight and where its operators go.

    Attributes:
        owner, parameter: module that holds it, and under which name.
        sites: form of an operator (`Seen.form`) to the module that stands for it.
    """

    owner: nn.Module
    parameter: str
    sites: Mapping[str, Site]


class Router(TorchFunctionMode):
    """Sends operators to their sites while it is entered."""

    def __init__(self, routes: tuple[Route, ...]) -> None:
        super().__init__()
        self.paused = 0
        self._routes = routes
        self._weights = Weights({})
        self._handles: list[Any] = []

    def __enter__(self) -> Any:
        self._weights = Weights({key: _held(route) for key, route in enumerate(self._routes)})
        for key, route in enumerate(self._routes):
            if parametrize.is_parametrized(route.owner, route.parameter):
                computing: Any = route.owner.parametrizations[route.parameter]  # type: ignore[index]
                self._handles.append(computing.register_forward_hook(self._computed(key)))
        _stack().append(self)
        return super().__enter__()  # type: ignore[no-untyped-call]

    def __exit__(self, *raised: Any) -> None:
        _stack().pop()
        for handle in self._handles:
            handle.remove()
        self._weights = Weights({})
        super().__exit__(*raised)  # type: ignore[no-untyped-call]

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        seen = None if self.paused else self._weights.seen(func, args, kwargs)
        if seen is not None:
            site = self._routes[seen.read.key].sites.get(seen.form)
            if site is not None:
                return site.answer(_Asked(func, args, kwargs, seen), seen.input)
        output = func(*args, **kwargs)
        self._weights.follow(func, args, kwargs, output)
        return output

    def _computed(self, key: int) -> Callable[[nn.Module, Any, Any], None]:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            self._weights.add(Read(output, key, computed=True))

        return hook


class Routed(nn.Module):
    """Mixin before a network's class: its operators are routed."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if vars(self).get(ROUTES) is None:
            return super().__call__(*args, **kwargs)
        with Router(vars(self)[ROUTES]):
            return super().__call__(*args, **kwargs)


class OwnSite(Site):
    """Mixin before the class of a module that is the site of its own weight."""

    outer: Callable[..., Any]  # the forward of its class
    form: str

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        assert isinstance(self, nn.Module)
        if any(isinstance(each, fx.Proxy) for each in args):  # a graph has it as one node
            return nn.Module.__call__(self, *args, **kwargs)
        if _stack():
            return self.outer(*args, **kwargs)
        with Router((Route(self, "weight", {self.form: self}),)):
            return self.outer(*args, **kwargs)


class Apart(nn.Module):
    """Mixin before the class of a plain layer whose weight is routed elsewhere: what it computes itself is not."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with _paused():
            return super().__call__(*args, **kwargs)


@dataclass(frozen=True, eq=False)
class _Asked:
    """One operator as it was called; see `products.Asked`."""

    function: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    seen: Seen

    def __call__(self, site: nn.Module, input: Tensor) -> Tensor:
        read = self.seen.read
        weight = read.tensor
        if (
            not read.computed and "weight" not in site._parameters
        ):  # the site computes its weight, from a latent one
            weight = viewed(read.chain, site.weight)  # type: ignore[arg-type]
        pair = (input, weight) if self.seen.slot == 1 else (weight, input)
        args, kwargs = replaced(OPERATORS[self.function], self.args, self.kwargs, pair)
        found: Tensor = self.function(*args, **kwargs)
        return found


def _held(route: Route) -> Tensor:
    """The parameter itself, of a parametrized one the latent values."""
    if parametrize.is_parametrized(route.owner, route.parameter):
        original: Tensor = route.owner.parametrizations[route.parameter].original  # type: ignore[index,union-attr]
        return original
    found = route.owner._parameters[route.parameter]
    assert found is not None
    return found


def _stack() -> list[Router]:
    """Routers of this thread, the innermost last."""
    if not hasattr(_active, "routers"):
        _active.routers = []
    found: list[Router] = _active.routers
    return found


@contextmanager
def _paused() -> Iterator[None]:
    routers = _stack()
    for router in routers:
        router.paused += 1
    try:
        yield
    finally:
        for router in routers:
            router.paused -= 1
