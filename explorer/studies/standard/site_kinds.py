"""Kinds of layer that a site can be, and the classes made for them."""

from collections.abc import Callable, Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from explorer.blocks import CONVOLUTIONS, TRANSPOSED
from explorer.products import Product, Site, TransposedLinear
from explorer.studies.standard.operators import is_transposition
from explorer.studies.standard.routing import Apart, OwnSite, Routed
from explorer.studies.standard.weights_read import Seen

_CONVOLUTIONS: Mapping[str, type[nn.Module]] = {
    **{f"conv{d}d": kind for d, kind in enumerate(CONVOLUTIONS, 1)},
    **{f"conv_transpose{d}d": kind for d, kind in enumerate(TRANSPOSED, 1)},
}


_CLASSES: dict[tuple[type, ...], type[nn.Module]] = {}


def kind_of(seen: Seen, weight: Tensor) -> type[nn.Module]:
    """The kind of layer that an operator is, which may be no more than a product."""
    turned = is_transposition(seen.read.chain, weight)
    if (seen.read.chain and not turned) or weight.ndim < 2:
        return Product
    if seen.word in _CONVOLUTIONS and not turned:
        return _CONVOLUTIONS[seen.word]
    if seen.word == "embedding" and not turned and seen.settings["max_norm"] is None:
        return nn.Embedding
    if weight.ndim == 2 and seen.slot == 1 and seen.word in ("linear", "product"):
        return nn.Linear if turned == (seen.word == "product") else TransposedLinear
    return Product


def attributes(kind: type[nn.Module], seen: Seen, weight: Tensor) -> dict[str, Any]:
    """What a module of this kind says of itself, for this operator."""
    if kind is nn.Linear:
        return {"in_features": weight.shape[1], "out_features": weight.shape[0]}
    if kind is TransposedLinear:
        return {"in_features": weight.shape[0], "out_features": weight.shape[1]}
    if kind is nn.Embedding:
        return {
            "num_embeddings": len(weight),
            "embedding_dim": weight.shape[1],
            "padding_idx": _from_the_front(seen.settings["padding_idx"], len(weight)),
        }
    if kind in _CONVOLUTIONS.values():
        dims = weight.ndim - 2
        groups = seen.settings["groups"]
        ends = len(weight), weight.shape[1] * groups
        inputs, outputs = ends if kind in TRANSPOSED else ends[::-1]
        return {
            "in_channels": inputs,
            "out_channels": outputs,
            "kernel_size": tuple(weight.shape[2:]),
            "stride": _each(seen.settings["stride"], dims),
            "padding": _each(seen.settings["padding"], dims),
            "dilation": _each(seen.settings["dilation"], dims),
            "groups": groups,
            "padding_mode": "zeros",
            "transposed": kind in TRANSPOSED,
            "output_padding": _each(seen.settings.get("output_padding", 0), dims),
        }
    return {}


def suits(module: nn.Module, wanted: Mapping[str, Any]) -> bool:
    """Whether a module says nothing else of itself."""
    dims = len(wanted.get("kernel_size", ()))

    def same(name: str, value: Any) -> bool:
        found = getattr(module, name, value)
        return bool((_each(found, dims) if name in ("stride", "padding", "dilation") else found) == value)

    return all(same(name, value) for name, value in wanted.items())


def new_site(kind: type[nn.Module], wanted: Mapping[str, Any], weight: nn.Parameter) -> Site:
    """A site of its own, with the weight and without a bias, which the network adds itself.

    Args:
        wanted: `attributes`.
    """
    arguments = dict(wanted)
    if kind in _CONVOLUTIONS.values():
        arguments |= {"bias": False, "device": "meta"}
        del arguments["transposed"]
        if kind not in TRANSPOSED:
            del arguments["output_padding"]
    elif kind is not Product:
        arguments["device"] = "meta"
    made = _child(kind)(**arguments)
    made.register_parameter("bias", None)
    made.register_parameter("weight", weight)
    made.eval()
    assert isinstance(made, Site)
    return made


def become_site(module: nn.Module, kind: type[nn.Module], wanted: Mapping[str, Any], form: str) -> None:
    """Make the module that holds the weight its site, in place."""
    for name, value in wanted.items():
        if not hasattr(module, name):
            setattr(module, name, value)
    module.__class__ = _own(type(module), kind)
    vars(module)["form"] = form


def become_routed(network: nn.Module) -> None:
    """Let a whole network run under its router, in place."""
    network.__class__ = _with(Routed, type(network))


def become_apart(layer: nn.Module) -> None:
    """Keep what a plain layer computes itself out of the router, in place."""
    layer.__class__ = _with(Apart, type(layer))


def _own(cls: type[nn.Module], kind: type[nn.Module]) -> type[nn.Module]:
    bases = (OwnSite, cls) if issubclass(cls, kind) else (OwnSite, cls, kind)
    content = {"outer": cls.forward, "plain": _PLAIN.get(kind, _as_kind(kind)), "__module__": cls.__module__}
    return _class(cls.__name__, bases, content)


def _with(mixin: type, cls: type[nn.Module]) -> type[nn.Module]:
    return _class(cls.__name__, (mixin, cls), {"__module__": cls.__module__})


def _child(kind: type[nn.Module]) -> type[nn.Module]:
    return _class(kind.__name__, (Site, kind), {"__module__": __name__})


def _class(name: str, bases: tuple[type, ...], content: dict[str, Any]) -> type[nn.Module]:
    """A class of these bases, the same one each time."""
    if bases not in _CLASSES:
        _CLASSES[bases] = type(name, bases, content)
    return _CLASSES[bases]


def _linear(module: Any, input: Tensor) -> Tensor:
    return F.linear(input, module.weight, _bias(module))


def _transposed_linear(module: Any, input: Tensor) -> Tensor:
    return F.linear(input, module.weight.t(), _bias(module))


def _convolution(module: Any, input: Tensor) -> Tensor:
    kind = next(each for each in CONVOLUTIONS if isinstance(module, each))
    found: Tensor = kind._conv_forward(module, input, module.weight, _bias(module))
    return found


def _as_kind(kind: type[nn.Module]) -> Callable[[Any, Tensor], Tensor]:
    def plain(module: Any, input: Tensor) -> Tensor:
        found: Tensor = kind.forward(module, input)
        return found

    return plain


_PLAIN: Mapping[type[nn.Module], Callable[[Any, Tensor], Tensor]] = {
    nn.Linear: _linear,
    TransposedLinear: _transposed_linear,
    **dict.fromkeys(CONVOLUTIONS, _convolution),
}


def _bias(module: nn.Module) -> Tensor | None:
    found = getattr(module, "bias", None)  # of a module of another class it may be anything
    return found if isinstance(found, Tensor) else None


def _each(value: Any, dims: int) -> Any:
    """One number a dimension; a word stays a word."""
    if isinstance(value, str):
        return value
    numbers = (value,) if isinstance(value, int) else tuple(value)
    return numbers * dims if len(numbers) == 1 else numbers


def _from_the_front(index: int | None, size: int) -> int | None:
    return index + size if index is not None and index < 0 else index
