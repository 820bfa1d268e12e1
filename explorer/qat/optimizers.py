"""What moves the parameters and how fast: an optimizer by name, and the cosine decay of its learning rate.

Both are torch's own and travel in checkpoints by their state dicts.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler

from explorer.errors import RunError

Groups = list[dict[str, Any]]


@dataclass(frozen=True)
class Kind:
    """An optimizer that can be asked for.

    Attributes:
        make: from parameter groups, learning rate, momentum and weight decay.
        learning_rate: to start with, unless one is given.
    """

    make: Callable[[Groups, float, float, float], Optimizer]
    learning_rate: float


def _sgd(groups: Groups, learning_rate: float, momentum: float, weight_decay: float) -> Optimizer:
    return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum, weight_decay=weight_decay)


def _adamw(groups: Groups, learning_rate: float, momentum: float, weight_decay: float) -> Optimizer:
    """AdamW (Loshchilov and Hutter 2019); the momentum is its β₁."""
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(momentum, 0.999), weight_decay=weight_decay)


OPTIMIZERS: dict[str, Kind] = {"sgd": Kind(_sgd, 0.01), "adamw": Kind(_adamw, 0.001)}


def named(optimizer: str) -> Kind:
    """The optimizer of that name.

    Raises:
        RunError: there is none.
    """
    if optimizer not in OPTIMIZERS:
        raise RunError(f"the optimizer {optimizer!r} is not available; use {' or '.join(OPTIMIZERS)}")
    return OPTIMIZERS[optimizer]


def cosine(optimizer: Optimizer, steps: int) -> LRScheduler:
    """Learning rates that fall from their start to zero along half a cosine over ``steps`` steps."""
    return LambdaLR(optimizer, lambda step: 0.5 * (1 + math.cos(math.pi * step / steps)))
