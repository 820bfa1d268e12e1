"""How well a predicted damage orders plans by their measured loss.

Spearman's ρ and Kendall's τ-b over all plans, and τ over the pairs of plans for which a choice is to be made and
can be judged: of one size (to 2 %), with measured losses that differ by more than two standard errors of the
paired difference. Over all plans size alone orders well, since fewer bits do more damage whatever the measure;
pairs of one size are the test. Their τ is (concordant − discordant) over the root of the product of the pairs
untied in either.

Intervals are the middle 95 % over bootstrap resamples of the plans (Efron 1979). The plans were chosen, not drawn
(`sampling`), so an interval says how much rests on single plans, and is no statement about all plans.
"""

from dataclasses import dataclass
from math import nan

import numpy as np
from scipy.stats import rankdata

from explorer.curvature.spectra.rankings import Correlation
from explorer.randomness import Stream, numpy_generator

DRAWS = 1000
LEVEL = 0.95
EQUAL = 0.02
NOISE = 2.0


@dataclass(frozen=True)
class Agreement:
    """Rank correlations of a prediction with the measured losses.

    Attributes:
        spearman, kendall: over all plans.
        equal_size: Kendall's τ over ``pairs`` pairs of one size whose losses differ.
    """

    spearman: Correlation
    kendall: Correlation
    equal_size: Correlation
    pairs: int


def agreement(
    predicted: np.ndarray, losses: np.ndarray, sizes: np.ndarray, *, seed: int = 0, draws: int = DRAWS
) -> Agreement:
    """Compare a prediction (P,) with losses (P, N) of P plans of these sizes (P,) on the same N images."""
    measured = losses.mean(1)
    signs = np.sign(predicted[:, None] - predicted), np.sign(measured[:, None] - measured)
    everything = np.ones((len(sizes), len(sizes)), dtype=bool)
    judged = comparable(losses, sizes)
    rng = numpy_generator(Stream.PLAN_RESAMPLES, seed)
    picks = [np.arange(len(sizes)), *rng.integers(0, len(sizes), (draws, len(sizes)))]
    return Agreement(
        _interval([_spearman(predicted[pick], measured[pick]) for pick in picks]),
        _interval([_kendall(*signs, everything, pick) for pick in picks]),
        _interval([_kendall(*signs, judged, pick) for pick in picks]),
        int(judged.sum()) // 2,
    )


def comparable(losses: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(P, P) bool: pairs of one size whose mean losses differ by more than the noise, given losses (P, N)."""
    covariance = np.cov(losses)
    variance = np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance
    stderr = np.sqrt(np.maximum(variance, 0) / losses.shape[1])
    measured = losses.mean(1)
    apart = np.abs(measured[:, None] - measured) > NOISE * stderr
    alike = np.abs(sizes[:, None] - sizes) <= EQUAL * np.minimum(sizes[:, None], sizes)
    return np.asarray(apart & alike & ~np.eye(len(sizes), dtype=bool))


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    x, y = (rankdata(values) - (len(values) + 1) / 2 for values in (a, b))
    return _cosine(x, y)


def _kendall(first: np.ndarray, second: np.ndarray, pairs: np.ndarray, pick: np.ndarray) -> float:
    """From the signs of all differences, over the chosen pairs of the picked plans."""
    place = np.ix_(pick, pick)
    chosen = pairs[place]
    return _cosine(first[place][chosen], second[place][chosen])


def _cosine(x: np.ndarray, y: np.ndarray) -> float:
    size = np.sqrt((x * x).sum() * (y * y).sum())
    return float((x * y).sum() / size) if size > 0 else nan


def _interval(found: list[float]) -> Correlation:
    """The first value, and the interval of the others, drawn out to hold it."""
    value, others = found[0], np.array(found[1:])
    if np.isnan(value) or np.isnan(others).all():
        return Correlation(value, nan, nan)
    low, high = np.nanquantile(others, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Correlation(value, min(value, float(low)), max(value, float(high)))
