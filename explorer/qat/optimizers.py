"""What moves the parameters and how fast: an optimizer by name, and the cosine decay of its learning rate.

Both are torch's own and travel in checkpoints by their state dicts.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from explorer.errors import RunError
from explorer.questions.training import LEARNING_RATES

Groups = list[dict[str, Any]]


def _sgd(groups: Groups, learning_rate: float, momentum: float, weight_decay: float) -> Optimizer:
    return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum, weight_decay=weight_decay)


def _adamw(groups: Groups, learning_rate: float, momentum: float, weight_decay: float) -> Optimizer:
    """AdamW (Loshchilov and Hutter 2019); the momentum is its β₁."""
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(momentum, 0.999), weight_decay=weight_decay)


OPTIMIZERS: dict[str, Callable[[Groups, float, float, float], Optimizer]] = {"sgd": _sgd, "adamw": _adamw}


def make(
    name: str, groups: Groups, *, learning_rate: float, momentum: float, weight_decay: float
) -> Optimizer:
    """The optimizer of that name over parameter groups."""
    return OPTIMIZERS[name](groups, learning_rate, momentum, weight_decay)


def own_rate(optimizer: str) -> float:
    """The learning rate an optimizer starts with unless one is given.

    Raises:
        RunError: there is no such optimizer.
    """
    for name, rate in LEARNING_RATES.items():
        if name == optimizer:
            return rate
    raise RunError(f"the optimizer {optimizer!r} is not available; use {' or '.join(OPTIMIZERS)}")


def cosine(optimizer: Optimizer, steps: int) -> LRScheduler:
    """Learning rates that fall from their start to zero along half a cosine over ``steps`` steps."""
    return LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)))
