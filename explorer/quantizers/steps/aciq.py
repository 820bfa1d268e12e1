r"""ACIQ: the clip that is best for values drawn from a Laplace or a normal distribution.

Banner et al. 2019, "Post training 4-bit quantization of convolutional networks", sec. 3. M bits over [-α, α] round
with a mean squared error of about Δ²/12 = α²/(3·4^M), Δ = 2α/2^M, and clip with one that the distribution tells:

    Laplace(b)    MSE = 2b² e^(-α/b) + α²/(3·4^M)             so (α/b) e^(α/b) = 3·4^M and α/b = W(3·4^M)
    N(0, σ²)      MSE = (σ² + α²)(1 - erf(α/σ√2)) - √(2/π) α σ e^(-α²/2σ²) + α²/(3·4^M)
                  so α erfc(α/σ√2) - σ √(2/π) e^(-α²/2σ²) + α/(3·4^M) = 0

with Lambert's W; α/b is 2.8307, 3.8972, 5.0286 and α/σ 1.7106, 2.1516, 2.5591 at 2, 3, 4 bits. The scale is taken
from the values: b = mean |x - mean x|, σ their standard deviation. The step is Δ, and never above the min-max step.

Values of one sign on a grid of that sign (after a ReLU) are taken for half of such a distribution: α is that of
M + 1 bits, since both halves together would have twice the levels; b and σ are the mean and the root mean square of
the values that are not zero. Affine: the range is mean ± α, cut to where there are values.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import torch
from scipy.optimize import brentq
from scipy.special import lambertw
from torch import Tensor

from explorer.quantizers.grid import Grid, Scheme
from explorer.quantizers.steps import min_max
from explorer.quantizers.steps.rows import as_rows, extremes
from explorer.quantizers.uniform import Affine

Prior = Literal["laplace", "gauss"]


@lru_cache
def best_clip(prior: Prior, bits: int) -> float:
    """α/b of the Laplace distribution, α/σ of the normal one.

    >>> [round(best_clip("laplace", bits), 4) for bits in (2, 3, 4)]
    [2.8307, 3.8972, 5.0286]
    """
    rounding = 3 * 4**bits
    if prior == "laplace":
        return float(lambertw(rounding).real)

    def slope(a: float) -> float:
        clipping = a * math.erfc(a / math.sqrt(2)) - math.sqrt(2 / math.pi) * math.exp(-a * a / 2)
        found: float = clipping + a / rounding
        return found

    return float(brentq(slope, 0, 20, xtol=1e-12))


def choose(x: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme, prior: Prior) -> Affine:
    """The step for values of that distribution."""
    rows = as_rows(x, axis)
    low, high = extremes(rows)
    widest = min_max.from_range(low, high, grid, axis=0, scheme=scheme)
    half = (low >= 0) if scheme == "affine" else torch.full_like(low, grid.qmin == 0, dtype=torch.bool)
    spread = torch.where(half, _half(rows, prior), _whole(rows, prior))
    whole_clip, half_clip = best_clip(prior, grid.bits), best_clip(prior, grid.bits + 1)
    clip = (spread * torch.where(half, half_clip, whole_clip)).to(rows.dtype)
    if scheme == "affine":
        middle = torch.where(half, 0, rows.double().mean(dim=1)).to(rows.dtype)
        least, most = torch.maximum(low, middle - clip), torch.minimum(high, middle + clip)
        q = min_max.from_range(least, most, grid, axis=0, scheme=scheme)
    else:
        step = clip * torch.where(half, 1, 2) / (1 << grid.bits)
        q = Affine(torch.where(step > 0, torch.minimum(step, widest.step), widest.step), None, grid, 0)
    return min_max.along(q, axis)


def _whole(rows: Tensor, prior: Prior) -> Tensor:
    away = rows.double() - rows.double().mean(dim=1, keepdim=True)
    return away.abs().mean(dim=1) if prior == "laplace" else away.square().mean(dim=1).sqrt()


def _half(rows: Tensor, prior: Prior) -> Tensor:
    """b or σ of the values that are not zero; 0 if there are none."""
    values = rows.double()
    count = (values != 0).sum(dim=1).clamp(min=1)
    if prior == "laplace":
        return values.abs().sum(dim=1) / count
    return (values.square().sum(dim=1) / count).sqrt()
