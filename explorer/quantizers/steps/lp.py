r"""L_p: the step of least mean |Q(x) - x|^p, for any p >= 1/2.

Phase 1 of LAPQ (Nahshan et al. 2019, sec. 4.1); p = 2 is the MMSE baseline, a larger p clips less. As a rule it
is called "lp:p", for instance "lp:3".

The error has many local minima in the step, so it is not handed to a scalar minimiser:

1. all of RATIOS clip ratios r in (0, 1] of the min-max step, finer towards 0 where heavy tails put the optimum;
2. around each of the STARTS best local minima of that grid the bracket of its two neighbours is searched at
   INSIDE points, then the bracket around the best of these, ROUNDS times: each round is (INSIDE + 1) / 2 times
   as fine, the last one about 4e-5 of the min-max step;
3. the result is compared with min-max in double precision and never worse than it.

Affine: both ends of the range together, then the upper, then the lower end on its own. Steps never exceed the
min-max step. Deterministic; all rows at once.

`minimise_error` knows no grid: any quantizer with one step is a function of the values and of that step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers.grid import Grid, Scheme
from explorer.quantizers.steps import min_max
from explorer.quantizers.steps.rows import as_rows, extremes
from explorer.quantizers.uniform import Affine, fake_quantize

Quantizer = Callable[[Tensor, Tensor], Tensor]  # values, their step (broadcasts against them) -> Q(values)
Errors = Callable[[Tensor], Tensor]  # ratios (candidates, channels) -> errors of the same shape

LEAST_P = 0.5
RATIOS = 80
STARTS = 3
INSIDE = 7
ROUNDS = 5
_CHUNK = 1 << 18  # values held at once: candidates of one chunk stay in the processor's cache


def check_p(p: float) -> float:
    """`p` if it is a finite number of at least 1/2, else a QuantizerError."""
    if not LEAST_P <= p < math.inf:
        raise QuantizerError(f"cannot minimise an L_p error with p = {p:g}: choose p of at least {LEAST_P:g}")
    return p


def choose(x: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme, p: float) -> Affine:
    """The step, and zero point if affine, of least L_p error."""
    check_p(p)
    start = min_max.choose(x, grid, axis=axis, scheme=scheme)
    rows = as_rows(x, axis)
    zeros = None if start.zero_point is None else start.zero_point.reshape(-1)
    first = Affine(start.step.reshape(-1), zeros, grid, 0)
    if first.zero_point is not None:
        found = _best_range(rows, first, p)
    else:
        most = rows.abs().amax(dim=1) if grid.is_sign else first.step
        found = replace(first, step=minimise_error(rows, on_grid(grid), most, p))
    better = _error(rows, found, p) < _error(rows, first, p)
    step = torch.where(better, found.step, first.step)
    if found.zero_point is not None and first.zero_point is not None:
        zeros = torch.where(better, found.zero_point, first.zero_point)
    return min_max.along(Affine(step, zeros, grid, 0), axis)


def on_grid(grid: Grid) -> Quantizer:
    """The symmetric quantizer of a grid."""
    if grid.is_sign:
        return lambda x, step: torch.where(x < 0, -step, step)
    return lambda x, step: (x / step).round_().clamp_(grid.qmin, grid.qmax).mul_(step)


def minimise_error(rows: Tensor, quantizer: Quantizer, most: Tensor, p: float) -> Tensor:
    """argmin over 0 < step <= most of mean |quantizer(x, step) - x|^p of each row.

    Args:
        rows: (channels, values).
        quantizer: is given (candidates, channels, values) and steps of (candidates, channels, 1).
        most: (channels,), the largest step worth a try, such as the smallest that clips nothing.

    Returns:
        The steps, (channels,).
    """
    most = most.clamp(min=torch.finfo(rows.dtype).tiny)

    def errors(ratios: Tensor) -> Tensor:
        return mean_errors(rows, quantizer, _no_less_than_tiny(ratios * most), p, unit=most)

    return _no_less_than_tiny(_best_ratio(errors, rows) * most)


def mean_errors(
    rows: Tensor, quantizer: Quantizer, steps: Tensor, p: float, *, unit: Tensor | None = None
) -> Tensor:
    """mean |quantizer(x, step) - x|^p of every row at every step, in units of `unit`^p of the row.

    Args:
        rows: (channels, values).
        steps: (candidates, channels).
        unit: (channels,); 1 if it is not given. It keeps powers of very large and very small errors finite.

    Returns:
        (candidates, channels), in double precision.
    """
    return _mean_errors(rows, quantizer, (steps,), p, torch.ones_like(rows[:, 0]) if unit is None else unit)


def _mean_errors(
    rows: Tensor, quantizer: Callable[..., Tensor], candidates: tuple[Tensor, ...], p: float, unit: Tensor
) -> Tensor:
    """As `mean_errors`, for a quantizer of more than the step: each of `candidates` is (candidates, channels)."""
    channels, values = rows.shape
    sums = torch.zeros(candidates[0].shape, dtype=torch.float64, device=rows.device)
    wide = min(values, _CHUNK)
    tall = max(1, min(channels, _CHUNK // wide))
    deep = max(1, _CHUNK // (wide * tall))
    for v in range(0, values, wide):
        for c in range(0, channels, tall):
            part, of_part = rows[None, c : c + tall, v : v + wide], unit[c : c + tall, None]
            for k in range(0, len(sums), deep):
                some = (slice(k, k + deep), slice(c, c + tall))
                value = quantizer(part, *(each[some][..., None] for each in candidates))
                away = value.sub_(part).div_(of_part).abs_()
                sums[some] += _power(away, p).sum(dim=2, dtype=torch.float64)
    return sums / values


def _power(x: Tensor, p: float) -> Tensor:
    return x if p == 1 else x.square_() if p == 2 else x.pow_(p)


def _best_ratio(errors: Errors, like: Tensor) -> Tensor:
    """The ratio of least error of each channel, (channels,): a grid, then its best local minima refined."""
    ratios = _coarse(like)
    found = errors(ratios)
    beyond = torch.full_like(found[:1], math.inf)
    before, after = torch.cat([beyond, found[:-1]]), torch.cat([found[1:], beyond])
    minima = torch.where((found <= before) & (found <= after), found, math.inf)
    starts = minima.topk(STARTS, dim=0, largest=False).indices  # (STARTS, channels)
    ends = torch.cat([torch.zeros_like(ratios[:1]), ratios, ratios[-1:]])
    best, least = ratios.gather(0, starts), found.gather(0, starts)
    low, high = ends.gather(0, starts), ends.gather(0, starts + 2)
    part = torch.arange(1, INSIDE + 1, dtype=like.dtype, device=like.device)[:, None, None] / (INSIDE + 1)
    for _ in range(ROUNDS):
        inside = low + part * (high - low)  # (INSIDE, STARTS, channels)
        values = errors(inside.flatten(0, 1)).view(inside.shape)
        lowest, at = values.min(dim=0)
        width = (high - low) / (INSIDE + 1)
        better = lowest < least
        best = torch.where(better, inside.gather(0, at[None])[0], best)
        least = torch.where(better, lowest, least)
        low, high = (best - width).clamp(min=0), (best + width).clamp(max=1)
    return best.gather(0, least.argmin(dim=0, keepdim=True))[0]


def _coarse(rows: Tensor) -> Tensor:
    """(RATIOS, channels), ascending to 1."""
    ratios = torch.linspace(0, 1, RATIOS + 1, dtype=rows.dtype, device=rows.device)[1:, None] ** 1.5
    return ratios.expand(-1, len(rows))


def _best_range(rows: Tensor, first: Affine, p: float) -> Affine:
    assert first.zero_point is not None
    grid, unit = first.grid, first.step
    low, high = (grid.qmin - first.zero_point) * first.step, (grid.qmax - first.zero_point) * first.step

    def between(low: Tensor, high: Tensor) -> tuple[Tensor, Tensor]:
        step = _no_less_than_tiny((high - low) / (grid.qmax - grid.qmin))
        return step, (grid.qmin - (low / step).round()).clamp(grid.qmin, grid.qmax)

    def quantize(x: Tensor, step: Tensor, zero: Tensor) -> Tensor:
        return (x / step).round_().add_(zero).clamp_(grid.qmin, grid.qmax).sub_(zero).mul_(step)

    def errors(low: Tensor, high: Tensor) -> Tensor:
        return _mean_errors(rows, quantize, between(low, high), p, unit)

    both = _best_ratio(lambda r: errors(r * low, r * high), rows)
    low, high = both * low, both * high
    high = _best_ratio(lambda r: errors(low.expand_as(r), r * high), rows) * high
    low = _best_ratio(lambda r: errors(r * low, high.expand_as(r)), rows) * low
    return Affine(*between(low, high), grid, 0)


def _error(rows: Tensor, q: Affine, p: float) -> Tensor:
    """Sum of |Q(x) - x|^p of each row in double precision and units of the largest value, (channels,)."""
    low, high = extremes(rows)
    unit = torch.maximum(-low, high).double().clamp(min=torch.finfo(torch.float64).tiny)
    return ((fake_quantize(rows, q) - rows).double() / unit[:, None]).abs_().pow_(p).sum(dim=1)


def _no_less_than_tiny(step: Tensor) -> Tensor:
    return step.clamp(min=torch.finfo(step.dtype).tiny)
