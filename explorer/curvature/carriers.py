r"""Samples that carry a trace: how few of them make up how much of Tr(H_i), and which ones.

A draw k took sample n_k with probability q(n_k), and its value v_k has Tr(H_i) as its mean (`output_probes`).
The share of the trace that a set A of samples carries is estimated by the ratio (Cochran, "Sampling
Techniques", 3rd edition, section 6.4)

    R = sum_k v_k [n_k in A] / sum_k v_k,   s.e.^2 = sum_k (v_k ([n_k in A] - R))^2 / (M (M - 1) mean(v)^2).

It is right only if A was fixed without looking at the v_k: the samples that happened to come out high would
seem to carry more than they do. So samples are ranked by q, which was known for all of them before the first
was drawn; a ranking by their true contributions could only carry more. Where the traces are exact there is no
noise to flatter, and samples are ranked by their contributions themselves, without an error.

For the same reason single samples are measured by every other draw of theirs, the first, third and so on, and
chosen by the rest. v_k q(n_k) N is one unbiased value of the sample's own trace, with relative variance c (of the
signs); before any draw, N q Tr(H_i) is the guess that the proposal makes, off by a relative variance t. So

    rank by  w (mean of the m values that choose) + (1 - w) N q Tr(H_i),   w = m / (m + c / t),

with t from Var(v) / Tr(H_i)^2 = t + c (1 + t). The values of one sample differ only by the random signs: c is
pooled over the samples drawn more than once, and where too few were, it is below 2, because Var(z.Bz) =
2(|B|_F^2 - sum b_cc^2) < 2 Tr(B)^2 for signs z and B without negative eigenvalues.
"""

from dataclasses import dataclass

import numpy as np

from explorer.curvature.result import Draws
from explorer.errors import CurvatureError

MARKS = (0.01, 0.05, 0.10)
LISTED = 10
_POINTS = 80
_LEAST_DRAWN = 5
_LARGEST_RELATIVE_VARIANCE = 2.0


@dataclass(frozen=True)
class Carried:
    """One point of the curve: this share of the samples carries this share of the trace.

    Attributes:
        samples: how many samples that is.
        of_samples, of_trace: shares, 0 to 1; the second may leave that range where a trace has negative parts.
        stderr: standard error of ``of_trace``.
    """

    samples: int
    of_samples: float
    of_trace: float
    stderr: float


@dataclass(frozen=True)
class Carrier:
    """One sample.

    Attributes:
        position: its row in the training split.
        share: of the trace.
        stderr: standard error of ``share``.
        draws: how often it was drawn, for choosing it and for measuring it; 1 where all were taken once.
    """

    position: int
    share: float
    stderr: float
    draws: int


@dataclass(frozen=True)
class Carriers:
    """Samples that carry the trace of one block.

    Attributes:
        curve: from few samples up to all of them, ascending; without the sets that too few draws fell into, or
            outside of, for an error worth the name.
        marks: the same for the shares in `MARKS`, or the next larger ones where samples rank equal.
        top: the samples that carry most, descending.
        exact: whether samples are ranked by their contributions, and nothing has an error.
        trace: what the shares are of: the mean of all draws, which is the Gauss-Newton part of Tr(H_i).
        size: number of samples in the data, N.
        draws: number of draws, M.
    """

    curve: tuple[Carried, ...]
    marks: tuple[Carried, ...]
    top: tuple[Carrier, ...]
    exact: bool
    trace: float
    size: int
    draws: int


def carriers(draws: Draws, block: int, *, exact: bool = False, count: int = LISTED) -> Carriers:
    """Samples that carry the trace of one block.

    Args:
        draws: of a trace computation.
        block: its number, in the order of the computation's blocks.
        exact: every sample was taken once and its value is its own trace.
        count: how many samples to list at most.

    Raises:
        CurvatureError: the block's trace is zero, so nothing carries it.
    """
    values = draws.values[:, block].double().numpy()
    positions, proposal = draws.positions.numpy(), draws.proposal.double().numpy()
    q = proposal[positions]
    if not values.mean() != 0:
        raise CurvatureError("the trace of this block is zero, so no sample carries it; choose another block")
    if exact:
        marked, curve = _summed(values, MARKS), _summed(values, _grid(len(values)))
        top = _largest(positions, values, count)
    else:
        marked = _estimated(values, q, proposal, MARKS)
        curve = _estimated(values, q, proposal, _grid(len(proposal)))
        top = _measured(positions, values, q * len(proposal), len(proposal), count)
    return Carriers(curve, marked, top, exact, float(values.mean()), len(proposal), len(values))


def _grid(size: int) -> tuple[float, ...]:
    """Shares of the samples from one of them to all, evenly on a logarithmic axis."""
    counts = np.unique(np.geomspace(1, size, _POINTS).round().astype(int))
    return tuple(float(n) / size for n in counts)


def _counts(shares: tuple[float, ...], size: int) -> np.ndarray:
    found: np.ndarray = np.clip(np.ceil(np.asarray(shares) * size - 1e-9).astype(int), 1, size)
    return found


def _summed(values: np.ndarray, shares: tuple[float, ...]) -> tuple[Carried, ...]:
    """Shares of a sum that is known exactly."""
    size = len(values)
    cumulated = np.cumsum(np.sort(values)[::-1]) / values.sum()
    return tuple(Carried(int(n), n / size, float(cumulated[n - 1]), 0.0) for n in _counts(shares, size))


def _estimated(
    values: np.ndarray, q: np.ndarray, proposal: np.ndarray, shares: tuple[float, ...]
) -> tuple[Carried, ...]:
    """Ratio estimates, samples ranked by the proposal; samples of equal rank go in together."""
    size, draws = len(proposal), len(values)
    ranked = np.sort(proposal)
    thresholds = np.unique(ranked[size - _counts(shares, size)])[::-1]
    order = np.argsort(-q, kind="stable")
    inside = np.searchsorted(-q[order], -thresholds, side="right")  # draws at or above each threshold
    sums = np.concatenate([[0.0], np.cumsum(values[order])])
    squares = np.concatenate([[0.0], np.cumsum(values[order] ** 2)])
    found = []
    for threshold, k in zip(thresholds, inside, strict=True):
        samples = size - int(np.searchsorted(ranked, threshold, side="left"))
        if samples < size and min(k, draws - k) < _LEAST_DRAWN:
            continue
        ratio = sums[k] / sums[-1]
        residual = (1 - ratio) ** 2 * squares[k] + ratio**2 * (squares[-1] - squares[k])
        stderr = np.sqrt(max(residual, 0.0) / max(draws - 1, 1) / draws) / abs(sums[-1] / draws)
        found.append(Carried(samples, samples / size, float(ratio), float(stderr)))
    return tuple(found)


def _largest(positions: np.ndarray, values: np.ndarray, count: int) -> tuple[Carrier, ...]:
    shares = values / values.sum()
    order = np.argsort(-shares, kind="stable")[:count]
    return tuple(Carrier(int(positions[n]), float(shares[n]), 0.0, 1) for n in order)


def _measured(
    positions: np.ndarray, values: np.ndarray, weights: np.ndarray, size: int, count: int
) -> tuple[Carrier, ...]:
    """Samples chosen by one half of their draws and measured by the other; ``weights`` is N q of each draw."""
    own = values * weights  # one value of the sample's own trace a draw
    rows, first, group, drawn = np.unique(
        positions, return_index=True, return_inverse=True, return_counts=True
    )
    order = np.argsort(group, kind="stable")
    nth = np.empty(len(own), dtype=int)  # how many draws of the same sample came before
    nth[order] = np.arange(len(own)) - np.repeat(np.cumsum(drawn) - drawn, drawn)
    measured, times = _means(own, group, nth % 2 == 0, len(rows))
    chosen, choosing = _means(own, group, nth % 2 == 1, len(rows))

    trace, relative_variance = values.mean(), _signs_variance(own, group, drawn)
    of_values = values.var(ddof=1) / trace**2
    off = max((of_values - relative_variance) / (1 + relative_variance), 1e-9)
    prior = weights[first] * trace
    everything, _ = _means(own, group, np.ones(len(own), dtype=bool), len(rows))

    def guess(mean: np.ndarray, times: np.ndarray) -> np.ndarray:
        weight = times / (times + relative_variance / off + 1e-12)
        found: np.ndarray = weight * mean + (1 - weight) * prior
        return found

    listed = np.argsort(-np.sign(trace) * guess(chosen, choosing), kind="stable")[:count]
    # The error is that of a sample as large as all of its draws suggest: a draw that came out small by its signs
    # would seem certain of it.
    sizes = guess(everything, drawn)
    found = []
    for n in listed:
        share, typical = measured[n] / (size * trace), sizes[n] / (size * trace)
        error = np.hypot(
            np.sqrt(relative_variance / times[n]) * typical, share * np.sqrt(of_values / len(own))
        )
        found.append(Carrier(int(rows[n]), float(share), float(error), int(drawn[n])))
    return tuple(sorted(found, key=lambda each: -each.share))


def _means(
    own: np.ndarray, group: np.ndarray, kept: np.ndarray, groups: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean of the kept values of each sample, 0 where there is none, and how many they are."""
    times = np.bincount(group[kept], minlength=groups)
    return np.bincount(group[kept], own[kept], groups) / np.maximum(times, 1), times


def _signs_variance(own: np.ndarray, group: np.ndarray, drawn: np.ndarray) -> float:
    """Variance of one value of a sample over the square of the sample's own trace, pooled.

    Samples weigh by their squared traces and draws less one, so that those which get listed count most.
    """
    several = drawn > 1
    if (drawn[several] - 1).sum() < _LEAST_DRAWN:
        return _LARGEST_RELATIVE_VARIANCE
    mean, _ = _means(own, group, np.ones(len(own), dtype=bool), len(drawn))
    spread = np.bincount(group, (own - mean[group]) ** 2, len(drawn))[several]
    times = drawn[several]
    square = mean[several] ** 2 - spread / times / (times - 1)  # of the own trace, without bias
    total = ((times - 1) * square).sum()
    return (
        float(min(spread.sum() / total, _LARGEST_RELATIVE_VARIANCE))
        if total > 0
        else _LARGEST_RELATIVE_VARIANCE
    )
