r"""Folding batch normalisation into the layer before it, for networks in eval mode.

With running mean μ and variance v, scale γ and shift β of channel c, the layer y = w * x + b is followed by

    γ (y - μ)/√(v + ε) + β  =  (a w) * x + a (b - μ) + β,        a = γ/√(v + ε)

(Jacob et al. 2018, sec. 3.2). What is quantized is then the folded weight, whose channels differ more in size. A pair
is found in the graph of the network (torch.fx): a normalisation that is the only reader of a convolution or linear
layer, each called once. A linear layer is taken to have inputs of two dimensions.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from explorer.blocks import CONVOLUTIONS, TRANSPOSED
from explorer.errors import StudyError

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
_LAYERS = (*CONVOLUTIONS, *TRANSPOSED, nn.Linear)
_ADVICE = "use the network without [model] fold_batch_norms"


def fold_batch_norms(model: nn.Module) -> nn.Module:
    """A copy of `model` in eval mode whose batch normalisations are identities, folded into their layers.

    Raises:
        StudyError: one of them cannot be folded, or the network has no fixed graph.
    """
    folded = copy.deepcopy(model).eval()
    for name, before in _pairs(folded).items():
        norm = folded.get_submodule(name)
        _fold(folded.get_submodule(before), norm)
        for alias, module in list(folded.named_modules(remove_duplicate=False)):
            if module is norm:
                folded.set_submodule(alias, nn.Identity())
    return folded


def _pairs(model: nn.Module) -> dict[str, str]:
    """Name of each normalisation that the network calls -> name of the layer it is folded into."""
    norms = {name for name, module in model.named_modules() if isinstance(module, _NORMS)}
    if not norms:
        return {}
    try:
        nodes = list(fx.Tracer().trace(model).nodes)
    except Exception as error:  # a person's own forward may raise anything
        raise StudyError(
            f"the batch normalisations cannot be folded, since the network has no fixed graph ({error}); "
            f"{_ADVICE}"
        ) from error
    found = {}
    for norm in followers(model, nodes):
        if norm.obstacle:
            raise _refusal(norm.name, norm.obstacle)
        found[norm.name] = norm.layer
    return found


@dataclass(frozen=True)
class Follower:
    """A batch normalisation of a network's graph: the layer that it can be folded into, or why it cannot be."""

    name: str
    layer: str
    obstacle: str


def followers(model: nn.Module, nodes: Sequence[fx.Node]) -> Iterator[Follower]:
    """Every normalisation that the nodes of a network's graph call, in their order; then those that they look into."""
    norms = {name for name, module in model.named_modules() if isinstance(module, _NORMS)}
    calls = Counter(str(node.target) for node in nodes if node.op == "call_module")
    # A class of one's own is looked into, so that its parameters are read in place of a call.
    read = {str(node.target).rpartition(".")[0] for node in nodes if node.op == "get_attr"}
    for node in nodes:
        name = str(node.target)
        if node.op == "call_module" and name in norms:
            before: Any = node.args[0] if node.args else None
            why = _obstacle(model, name, before, calls)
            yield Follower(name, "" if why else str(before.target), why)
    for name in sorted(norms & read):
        yield Follower(name, "", "its class is not one of torch's")


def _refusal(name: str, why: str) -> StudyError:
    return StudyError(f"the batch normalisation {name!r} cannot be folded: {why}; {_ADVICE}")


def _obstacle(model: nn.Module, name: str, before: Any, calls: Mapping[str, int]) -> str:
    """Why a normalisation cannot be folded into what its input comes from; empty if it can."""
    norm = model.get_submodule(name)
    assert isinstance(norm, _NORMS)
    is_call = isinstance(before, fx.Node) and before.op == "call_module"
    layer = model.get_submodule(str(before.target)) if is_call else None
    if not isinstance(layer, _LAYERS):
        return "it does not follow a convolution or a linear layer"
    if len(before.users) > 1:
        return "something else reads the output of the layer before it"
    if max(calls[name], calls[str(before.target)]) > 1:
        return "it or the layer before it is called more than once"
    weight = layer._parameters.get("weight")
    if weight is None:
        return "the weight of the layer before it is computed from other tensors"
    if sum(weight is each for module in model.modules() for each in module._parameters.values()) > 1:
        return "the layer before it shares its weight with another"
    if norm.running_mean is None or norm.running_var is None:
        return "it keeps no running statistics"
    if isinstance(layer, TRANSPOSED) and layer.groups > 1:
        return "the transposed convolution before it has groups"
    if norm.num_features != (layer.out_features if isinstance(layer, nn.Linear) else layer.out_channels):
        return "it does not normalise the outputs of the layer before it, but another dimension"
    return ""


def factors(layer: nn.Module, norm: nn.Module) -> tuple[Tensor, Tensor]:
    """The factor a of each channel and the bias a (b - μ) + β that replace a normalisation, (channels,) float64."""
    assert isinstance(norm, _NORMS)
    assert isinstance(norm.running_mean, Tensor)
    assert isinstance(norm.running_var, Tensor)
    bias = layer._parameters["bias"]
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.affine:
        scale = scale * norm.weight.detach().double()
    moved = ((0 if bias is None else bias.detach().double()) - norm.running_mean.double()) * scale
    if norm.affine:
        moved = moved + norm.bias.detach().double()
    return scale, moved


def _fold(layer: nn.Module, norm: nn.Module) -> None:
    weight, axis = layer.get_parameter("weight"), 1 if isinstance(layer, TRANSPOSED) else 0
    scale, moved = factors(layer, norm)
    shape = [1] * weight.ndim
    shape[axis] = -1
    with torch.no_grad():
        weight.copy_(weight.double() * scale.view(shape))
    layer.register_parameter("bias", nn.Parameter(moved.to(weight.dtype)))
