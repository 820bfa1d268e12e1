"""Weights that are computed from other parameters, and how they become parameters of their own.

Two ways of torch's are known: ``torch.nn.utils.parametrize`` with the parametrizations built on it, and the older
``weight_norm`` and ``spectral_norm``, which compute the weight in a hook.
"""

import copy

import torch
from torch import nn
from torch.nn.utils import parametrize
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm


def computed_weights(model: nn.Module) -> list[str]:
    """Dotted names of the modules with such a weight."""
    return [
        name
        for name, module in model.named_modules()
        if parametrize.is_parametrized(module) or any(map(_computes, module._forward_pre_hooks.values()))
    ]


def taken_as_they_are(model: nn.Module) -> None:
    """Make each such weight a parameter that holds its present values, in place."""
    for module in list(model.modules()):
        if parametrize.is_parametrized(module):
            _unparametrize(module)
        for number, hook in list(module._forward_pre_hooks.items()):
            if _computes(hook):
                with torch.no_grad():
                    hook.remove(module)  # type: ignore[attr-defined]
                del module._forward_pre_hooks[number]


def _computes(hook: object) -> bool:
    return isinstance(hook, WeightNorm | SpectralNorm)


def _unparametrize(module: nn.Module) -> None:
    """Not `remove_parametrizations`, which changes a class that copies of the module share."""
    names = list(module.parametrizations)  # type: ignore[arg-type]
    with torch.no_grad():
        values = {name: getattr(module, name).detach().clone() for name in names}
    del module.parametrizations
    module.__class__ = type(module).__bases__[0]
    for name, value in values.items():
        module.register_parameter(name, nn.Parameter(value))


def copied(model: nn.Module) -> nn.Module:
    """A deep copy, also of a network that holds a weight it has just computed with gradients."""
    for module in model.modules():
        for hook in module._forward_pre_hooks.values():
            if _computes(hook):  # anew before each use, so that it may be any tensor until then
                name = hook.name  # type: ignore[attr-defined]
                setattr(module, name, getattr(module, name).detach())
    return copy.deepcopy(model)
