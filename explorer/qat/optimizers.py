"""What moves the parameters and how fast: an optimizer by name, and a schedule of its learning rate by name.

    cosine      0.5 (1 + cos(pi t / T)), to zero
    linear      1 - t / T, to zero
    constant    1
    step        1, after half of the steps 0.1, after three quarters 0.01

t is the number of the step, T how many there are. Over a warm-up of w steps the factor is min(1, (t + 1) / w) of that.
Optimizers and schedules are torch's own and travel in checkpoints by their state dicts.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

Groups = list[dict[str, Any]]


def _sgd(groups: Groups, learning_rate: float, momentum: float, weight_decay: float) -> Optimizer:
    return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum, weight_decay=weight_decay)


def _adamw(groups: Groups, learning_rate: float, momentum: float, weight_decay: float) -> Optimizer:
    """AdamW (Loshchilov and Hutter 2019); the momentum is its β₁."""
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(momentum, 0.999), weight_decay=weight_decay)


OPTIMIZERS: dict[str, Callable[[Groups, float, float, float], Optimizer]] = {"sgd": _sgd, "adamw": _adamw}

SCHEDULES: Mapping[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "linear": lambda done: 1 - done,
    "constant": lambda done: 1.0,
    "step": lambda done: 1.0 if done < 0.5 else 0.1 if done < 0.75 else 0.01,
}
"""Factor of the learning rate by the share of the steps done."""


SPOILS = (
    "This network has layer norms, and SGD may spoil it: the shipped language model became worse by SGD and better by "
    "AdamW; leave the optimizer as usual, or take adamw."
)


def usual(network: nn.Module) -> str:
    """The optimizer where none is asked for: ``adamw`` for a network with layer norms and no batch norm, else ``sgd``.

    Measured on the shipped language model, which SGD at its usual rate makes worse (docs/other-studies.md).
    """
    kinds = [type(module) for module in network.modules()]
    batch = any(issubclass(kind, nn.modules.batchnorm._BatchNorm) for kind in kinds)
    layer = any(kind.__name__.endswith(("LayerNorm", "RMSNorm")) for kind in kinds)
    return "adamw" if layer and not batch else "sgd"


def in_use(asked: str, network: nn.Module) -> str:
    """The optimizer that a training of this network takes, where ``asked`` may be ``usual``."""
    return usual(network) if asked == "usual" else asked


def make(
    name: str, groups: Groups, *, learning_rate: float, momentum: float, weight_decay: float
) -> Optimizer:
    """The optimizer of that name over parameter groups."""
    return OPTIMIZERS[name](groups, learning_rate, momentum, weight_decay)


def factor(schedule: str, step: int, *, steps: int, warmup: int = 0) -> float:
    """What the learning rate is multiplied with at a step.

    Args:
        schedule: a key of ``SCHEDULES``.
        steps: of the whole training.
        warmup: steps over which it rises.
    """
    return min(1.0, (step + 1) / max(warmup, 1)) * SCHEDULES[schedule](step / steps)


def scheduled(optimizer: Optimizer, schedule: str, *, steps: int, warmup: int = 0) -> LRScheduler:
    """Learning rates that follow a schedule."""
    return LambdaLR(optimizer, lambda step: factor(schedule, step, steps=steps, warmup=warmup))
