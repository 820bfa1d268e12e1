"""MSE: the step of least squared error, argmin over s (and z) of ||Q(x) - x||^2.

The MMSE baseline of LAPQ (Nahshan et al. 2019), its phase 1 at p = 2.

The error has many local minima in s, the more the fewer the values, so a descent alone will not do:

1. a grid of clip ratios r in (0, 1], finer towards 0 where heavy tails put the optimum: the min-max range
   times r. Affine: both ends together, then the upper, then the lower end on its own;
2. from the best of each row, Lloyd's alternation: for fixed integers k = q - z the best step is x.k / k.k,
   for a fixed step the nearest integers are best. Neither half can raise the error. (S. Lloyd, 1957/1982.)
3. the result is compared with min-max in double precision and never worse than it.

Steps never exceed the min-max step, so the extreme value always lands on the outermost level, and quantizing
what was quantized changes nothing. Deterministic; all rows at once.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from explorer.quantizers.grid import Grid, Scheme
from explorer.quantizers.steps import min_max
from explorer.quantizers.steps.rows import as_rows
from explorer.quantizers.uniform import Affine, fake_quantize

RATIOS = 80
LLOYD_ROUNDS = 8
_CHUNK = 1 << 18  # values held at once: candidates of one chunk stay in the processor's cache


def choose(x: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme) -> Affine:
    """The step of least squared error; for signs mean |x|, which is the exact optimum."""
    start = min_max.choose(x, grid, axis=axis, scheme=scheme)
    if grid.is_sign:
        return start
    rows = as_rows(x, axis)
    start_zero = None if start.zero_point is None else start.zero_point.reshape(-1)
    first = Affine(start.step.reshape(-1), start_zero, grid, 0)
    found = _best_ratio(rows, first) if first.zero_point is None else _best_range(rows, first)
    found = _lloyd(rows, found, most=first.step)
    better = squared_error(rows, found) < squared_error(rows, first)
    step = torch.where(better, found.step, first.step)
    zero_point = None
    if found.zero_point is not None and first.zero_point is not None:
        zero_point = torch.where(better, found.zero_point, first.zero_point)
    return min_max.along(Affine(step, zero_point, grid, 0), axis)


def squared_error(rows: Tensor, q: Affine) -> Tensor:
    """||Q(x) - x||^2 of each row, summed in double precision, (channels,)."""
    return (fake_quantize(rows, q) - rows).double().square_().sum(dim=1)


def _ratios(like: Tensor) -> Tensor:
    """(RATIOS, 1), ascending to 1."""
    return torch.linspace(0, 1, RATIOS + 1, dtype=like.dtype, device=like.device)[1:, None] ** 1.5


def _best_ratio(rows: Tensor, first: Affine) -> Affine:
    steps = (_ratios(rows) * first.step).clamp_(min=torch.finfo(rows.dtype).tiny)
    best = _errors(rows, steps, None, first.grid).argmin(dim=0)
    return replace(first, step=steps.gather(0, best[None])[0])


def _best_range(rows: Tensor, first: Affine) -> Affine:
    assert first.zero_point is not None
    grid, ratios = first.grid, _ratios(rows)
    low, high = (grid.qmin - first.zero_point) * first.step, (grid.qmax - first.zero_point) * first.step
    fixed = torch.ones_like(ratios)
    for of_low, of_high in ((ratios, ratios), (fixed, ratios), (ratios, fixed)):
        lows, highs = of_low * low, of_high * high
        steps = ((highs - lows) / (grid.qmax - grid.qmin)).clamp_(min=torch.finfo(rows.dtype).tiny)
        zeros = (grid.qmin - (lows / steps).round()).clamp_(grid.qmin, grid.qmax)
        best = _errors(rows, steps, zeros, grid).argmin(dim=0)[None]
        low, high = lows.gather(0, best)[0], highs.gather(0, best)[0]
        step, zero_point = steps.gather(0, best)[0], zeros.gather(0, best)[0]
    return Affine(step, zero_point, grid, 0)


def _errors(rows: Tensor, steps: Tensor, zeros: Tensor | None, grid: Grid) -> Tensor:
    """Squared error of every row under every candidate, (candidates, channels)."""
    channels, values = rows.shape
    errors = torch.empty_like(steps)
    width = max(1, min(channels, _CHUNK // values))
    depth = max(1, _CHUNK // (values * width))
    for c in range(0, channels, width):
        part = rows[None, c : c + width]
        for k in range(0, len(steps), depth):
            some = (slice(k, k + depth), slice(c, c + width))
            scaled = part / steps[some][..., None]
            if zeros is None:
                nearest = scaled.round().clamp_(grid.qmin, grid.qmax)
            else:
                z = zeros[some][..., None]
                nearest = scaled.round().add_(z).clamp_(grid.qmin, grid.qmax).sub_(z)
            errors[some] = torch.linalg.vector_norm(scaled.sub_(nearest), dim=2).mul_(steps[some]).square_()
    return errors


def _lloyd(rows: Tensor, q: Affine, *, most: Tensor) -> Affine:
    step, error = q.step, squared_error(rows, q)
    for _ in range(LLOYD_ROUNDS):
        values = fake_quantize(rows, replace(q, step=step)).div_(step[:, None])  # the integers k
        overlap, norm = (rows * values).sum(dim=1), values.square().sum(dim=1)
        moved = torch.where((overlap > 0) & (norm > 0), torch.minimum(overlap / norm, most), step)
        moved_error = squared_error(rows, replace(q, step=moved))
        better = moved_error < error
        if not better.any():
            break
        step, error = torch.where(better, moved, step), torch.where(better, moved_error, error)
    return replace(q, step=step)
