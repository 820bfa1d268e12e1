"""A tensor as rows, one row for every step to be chosen, and the checks every rule begins with."""

from __future__ import annotations

import torch
from torch import Tensor

from explorer.errors import QuantizerError


def as_rows(x: Tensor, axis: int | None) -> Tensor:
    """(channels, values) along `axis`, or (1, values); floating point, detached."""
    x = x.detach()
    if not x.is_floating_point():
        raise QuantizerError(f"cannot choose a step for a tensor of {x.dtype}: convert it to floating point")
    if x.numel() == 0:
        raise QuantizerError(
            f"cannot choose a step for a tensor of shape {tuple(x.shape)}, which is empty: give it values"
        )
    if axis is None:
        return x.reshape(1, -1)
    if not -x.ndim <= axis < x.ndim:
        raise QuantizerError(
            f"a tensor of shape {tuple(x.shape)} has no channel axis {axis}: name one of its own"
        )
    return x.movedim(axis, 0).reshape(x.shape[axis], -1)


def extremes(rows: Tensor) -> tuple[Tensor, Tensor]:
    """The smallest and the largest value of each row, (channels,)."""
    low, high = rows.aminmax(dim=1)
    check_finite(low, high)
    return low, high


def check_finite(low: Tensor, high: Tensor) -> None:
    if not (torch.isfinite(low).all() and torch.isfinite(high).all()):
        raise QuantizerError(
            "cannot choose a step for a tensor that holds NaN or infinite values: find what made them"
        )
