r"""KL: the clip under which the quantized histogram tells least from the true one.

Migacz 2017, "8-bit inference with TensorRT" (GTC S7310), in the form of MXNet's contrib/quantization.py, which
LAPQ's and ACIQ's comparisons use. Over a histogram of BINS[bits] bins on [-max|x|, max|x|], for each clip:

    P    the bins inside the clip, with everything outside added to the two outermost
    Q    the same bins without what was added, merged into as many equal groups as the grid has levels (2^b - 1 of
         either sign; the last group takes the bins that are left over), each group's count then spread evenly over
         its bins that were not empty

The clip of least KL(P || Q) wins, the smallest of several. Empty bins are given EPSILON of a count, taken from the
others, before; MXNet, unlike here, leaves the last bin out of Q.

Values of one sign have a histogram on [0, max|x|], and 2^b groups if the grid has that sign alone. Affine: the range
of the values, cut at ± the clip. A histogram needs more values than one channel has, so there is one clip a tensor.
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.special import rel_entr
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers.grid import Grid, Scheme
from explorer.quantizers.steps import min_max
from explorer.quantizers.steps.rows import as_rows, extremes
from explorer.quantizers.uniform import Affine

EPSILON = 1e-4
FEW_BITS, FEW_BINS = 4, 2001  # of a grid of 4 bits and fewer; MXNet's number for int4
MOST_BITS, MANY_BINS = 8, 8001  # and for int8

Counts = np.ndarray


def choose(x: Tensor, grid: Grid, *, axis: int | None, scheme: Scheme) -> Affine:
    """The step of the clip of least KL divergence."""
    if axis is not None:
        raise QuantizerError(
            "the step rule 'kl' compares histograms, for which one channel has too few values: choose one "
            "step a tensor, or another rule"
        )
    if grid.bits > MOST_BITS:
        raise QuantizerError(
            f"the step rule 'kl' has histograms for at most {MOST_BITS} bits, not {grid.bits}: choose another"
        )
    rows = as_rows(x, axis)
    low, high = extremes(rows)
    widest = min_max.from_range(low, high, grid, axis=0, scheme=scheme)  # refuses signs
    most = float(torch.maximum(-low, high))
    if most == 0:
        return min_max.along(widest, None)
    bins = FEW_BINS if grid.bits <= FEW_BITS else MANY_BINS
    one_sided = bool(low >= 0) or bool(high <= 0)
    values = rows[0].abs() if one_sided else rows[0]
    counts = np.histogram(values.cpu().numpy(), bins=bins, range=(0 if one_sided else -most, most))[0]
    levels = 2**grid.bits - (not one_sided)
    if one_sided and scheme == "symmetric" and grid.qmin < 0:
        levels = 2 ** (grid.bits - 1)
    clip = most * _best_share(counts, levels, one_sided=one_sided)
    q = min_max.from_range(low.clamp(min=-clip), high.clamp(max=clip), grid, axis=0, scheme=scheme)
    return min_max.along(q, None)


def divergences(counts: Counts, levels: int, *, one_sided: bool) -> tuple[Counts, Counts]:
    """The clips as shares of the whole range, and KL(P || Q) at each; ascending.

    Args:
        counts: the histogram; of an odd number of bins around zero, or from zero on.
        levels: how many groups; odd around zero.
    """
    middle = 0 if one_sided else len(counts) // 2
    found = []
    widths = range(levels if one_sided else levels // 2, len(counts) - middle + (1 if one_sided else 0))
    for width in widths:  # bins on each side, beside the one at zero if there are two sides
        start, stop = (0, width) if one_sided else (middle - width, middle + width + 1)
        inside = counts[start:stop].astype(float)
        clipped = inside.copy()
        clipped[0] += counts[:start].sum()
        clipped[-1] += counts[stop:].sum()
        found.append(_divergence(clipped, _merged(inside, levels)))
    shares = np.array(widths) / len(counts) if one_sided else (np.array(widths) + 0.5) * 2 / len(counts)
    return shares, np.array(found)


def _best_share(counts: Counts, levels: int, *, one_sided: bool) -> float:
    shares, found = divergences(counts, levels, one_sided=one_sided)
    return float(shares[found.argmin()])


def _merged(inside: Counts, levels: int) -> Counts:
    """Each group's count spread evenly over its bins that are not empty."""
    size = len(inside) // levels
    starts = np.arange(levels) * size
    filled = inside > 0
    total, bins = np.add.reduceat(inside, starts), np.add.reduceat(filled.astype(float), starts)
    each = np.divide(total, bins, out=np.zeros(levels), where=bins > 0)
    sizes = np.diff(np.append(starts, len(inside)))
    return np.where(filled, np.repeat(each, sizes), 0.0)


def _divergence(p: Counts, q: Counts) -> float:
    if not q.any():
        return np.inf
    p, q = _smooth(p), _smooth(q)
    return float(rel_entr(p / p.sum(), q / q.sum()).sum())


def _smooth(counts: Counts) -> Counts:
    empty = counts == 0
    taken = EPSILON * empty.sum() / (~empty).sum()
    return np.where(empty, EPSILON, np.maximum(counts - taken, EPSILON))
