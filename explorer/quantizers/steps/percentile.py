"""Percentile: clip at the q-th percentile of the values, and min-max of what is left.

Symmetric: of |x|, on the side or sides the values are on. Affine: at most q per cent of the values lie below the
upper end, and as many above the lower end. "percentile:99.9" clips one value in a thousand (Wu et al. 2020,
"Integer quantization for deep learning inference", sec. 5.2, use 99.9 to 99.9999). Nearest rank: the percentile
is one of the values. A tensor with so many zeros that nothing but zeros is left keeps its whole range.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers.grid import Grid, Scheme
from explorer.quantizers.steps import min_max
from explorer.quantizers.steps.rows import as_rows, extremes
from explorer.quantizers.uniform import Affine


def check_percent(percent: float) -> float:
    """`percent` if it is above 50 and at most 100, else a QuantizerError."""
    if not 50 < percent <= 100:
        raise QuantizerError(
            f"cannot clip at the percentile {percent:g}: choose one above 50 and at most 100, such as 99.9"
        )
    return percent


def choose(x: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme, percent: float) -> Affine:
    """The step of the clipped range."""
    check_percent(percent)
    rows = as_rows(x, axis)
    low, high = extremes(rows)
    if scheme == "affine":
        least, most = -_percentile(-rows, percent), _percentile(rows, percent)
    else:
        most = _percentile(rows.abs(), percent)
        least = -most
    kept = (least.clamp(max=0) < 0) | (most.clamp(min=0) > 0)
    low = torch.where(kept, torch.maximum(low, least), low)
    high = torch.where(kept, torch.minimum(high, most), high)
    return min_max.along(min_max.from_range(low, high, grid, axis=0, scheme=scheme), axis)


def _percentile(rows: Tensor, percent: float) -> Tensor:
    values = rows.shape[1]
    rank = min(values, max(1, math.ceil(values * percent / 100)))
    return rows.kthvalue(rank, dim=1).values
