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
from collections.abc import Collection

import torch
from torch import Tensor, fx, nn

from explorer.errors import QuantizerError

_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, *_TRANSPOSED, nn.Linear)


def fold_batch_norms(model: nn.Module, *, leave: Collection[str] = ()) -> nn.Module:
    """A copy of `model` in eval mode whose batch normalisations are identities, folded into their layers.

    Args:
        leave: names of normalisations that stay what they are.

    Raises:
        QuantizerError: one that is not left cannot be folded, or the network has no fixed graph.
    """
    folded = copy.deepcopy(model).eval()
    for norm, layer in _pairs(folded, leave).items():
        _fold(folded.get_submodule(layer), folded.get_submodule(norm))
        folded.set_submodule(norm, nn.Identity())
    return folded


def _pairs(model: nn.Module, leave: Collection[str]) -> dict[str, str]:
    """Name of each normalisation -> name of the layer it is folded into."""
    norms = {name for name, module in model.named_modules() if isinstance(module, _NORMS)} - set(leave)
    if not norms:
        return {}
    try:
        nodes = list(fx.Tracer().trace(model).nodes)
    except Exception as error:
        raise QuantizerError(
            f"the batch normalisations cannot be folded, since the network has no fixed graph ({error}): leave "
            "them as they are"
        ) from error
    calls = [node for node in nodes if node.op == "call_module"]
    owners = {id(model.get_submodule(str(node.target))): str(node.target) for node in calls}
    counts = Counter(id(model.get_submodule(str(node.target))) for node in calls)
    found = {}
    for node in calls:
        norm = model.get_submodule(str(node.target))
        name = owners[id(norm)]
        if name not in norms:
            continue
        before = node.args[0] if node.args else None
        layer = _called(model, before)
        why = _obstacle(norm, layer, before)
        if not why and (counts[id(norm)] > 1 or counts[id(layer)] > 1):
            why = "it or the layer before it is called more than once"
        if why:
            raise QuantizerError(f"the batch normalisation {name!r} cannot be folded: {why}; leave it out")
        assert isinstance(before, fx.Node)
        found[name] = str(before.target)
    return found


def _called(model: nn.Module, node: object) -> nn.Module | None:
    if isinstance(node, fx.Node) and node.op == "call_module":
        return model.get_submodule(str(node.target))
    return None


def _obstacle(norm: nn.Module, layer: nn.Module | None, before: object) -> str:
    assert isinstance(norm, _NORMS)
    if not isinstance(layer, _LAYERS):
        return "it does not follow a convolution or a linear layer"
    if isinstance(before, fx.Node) and len(before.users) > 1:
        return "something else reads the output of the layer before it"
    if norm.running_mean is None or norm.running_var is None:
        return "it keeps no running statistics"
    if isinstance(layer, _TRANSPOSED) and layer.groups > 1:
        return "the transposed convolution before it has groups"
    return ""


def _fold(layer: nn.Module, norm: nn.Module) -> None:
    assert isinstance(norm, _NORMS)
    assert isinstance(norm.running_mean, Tensor)
    assert isinstance(norm.running_var, Tensor)
    weight, bias = layer.get_parameter("weight"), layer._parameters["bias"]
    axis = 1 if isinstance(layer, _TRANSPOSED) else 0
    mean = norm.running_mean.double()
    scale = (norm.running_var.double() + norm.eps).rsqrt()
    if norm.affine:
        scale = scale * norm.weight.detach().double()
    moved = ((0 if bias is None else bias.detach().double()) - mean) * scale
    if norm.affine:
        moved = moved + norm.bias.detach().double()
    shape = [1] * weight.ndim
    shape[axis] = -1
    with torch.no_grad():
        weight.copy_(weight.double() * scale.view(shape))
    layer.register_parameter("bias", nn.Parameter(moved.to(weight.dtype)))
