r"""Estimates with their standard errors, differences that are told from noise, and correlations of ranks.

The mean of n independent values has the standard error s / sqrt(n), s^2 their variance with n - 1 in the denominator.
Drawn without replacement from N values, it has sqrt(1 - n/N) s / sqrt(n), which is 0 when all were drawn (Cochran,
"Sampling Techniques", 3rd edition, section 2.6). One value alone says nothing of its error: it is infinite.

A share p of n hits has sqrt(p (1 - p) / n), which is s / sqrt(n) with n in the denominator of s^2. Two networks
measured on the same samples differ by the mean of the differences, sample by sample, with the standard error of
that: what makes a sample hard for both is no part of it.

Two methods whose networks were trained R times, with the same seeds, and measured on the same N samples differ by the
mean of d_rn over runs and samples. With d_rn = d + a_r + b_n + e_rn, a of the seed and b of the sample, both drawn,
that mean has the variance A / R + B / N + E / (R N) (the crossed design of two random factors, e.g. Searle, Casella and
McCulloch, "Variance Components", section 4.3). The variance of the run means estimates A + E / N, that of the sample
means B + E / R, and what is left over E, so that the sum of the first over R and the second over N less E / (R N) is
without bias.

Functions take NumPy arrays and PyTorch tensors alike, and give back what they were given.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from scipy.stats import rankdata
from torch import Tensor

NOISE = 2.0  # standard errors within which a difference may be chance
LEVEL = 0.95  # of an interval

Values = TypeVar("Values", np.ndarray, Tensor)


class Estimate(NamedTuple):
    """A value with its standard error."""

    value: float
    stderr: float


def means(values: Values, population: int | None = None) -> tuple[Values, Values]:
    """Means along the first axis, and their standard errors.

    Args:
        population: how many there are, if the values were drawn from them without replacement.
    """
    count = len(values)
    mean = values.mean(0)
    if population is not None and count >= population:
        return mean, _filled(mean, 0.0)
    if count < 2:
        return mean, _filled(mean, math.inf)
    left = 1.0 if population is None else 1 - count / population
    deviation = values.std(0) if isinstance(values, Tensor) else values.std(0, ddof=1)
    return mean, deviation / math.sqrt(count / left)


def mean(values: Values, population: int | None = None) -> Estimate:
    """Mean of values (n,), as `means`."""
    value, error = means(values, population)
    return Estimate(float(value), float(error))


def share(hits: np.ndarray | Tensor) -> Estimate:
    """Share of hits among (n,), each 1 or 0; the mean of a metric that may lie between."""
    values = np.asarray(hits, np.float64)
    return Estimate(float(values.mean()), float(values.std()) / math.sqrt(len(values)))


def paired(of: Values, than: Values, population: int | None = None) -> Estimate:
    """Mean of ``of`` − ``than``, both (n,) over the same samples."""
    if isinstance(of, Tensor):
        return mean(of.double() - than.double(), population)
    return mean(of - than, population)


def paired_over_runs(of: np.ndarray, than: np.ndarray) -> Estimate:
    """Mean of ``of`` − ``than``, both (runs, samples) with the same seeds and samples in the same places.

    The error is that of other seeds and other samples; of one run it is that of other samples alone.
    """
    apart = np.asarray(of, np.float64) - than
    value = apart.mean()
    runs, samples = apart.shape
    by_sample = mean(apart.mean(0)).stderr ** 2
    if runs < 2:
        return Estimate(float(value), math.sqrt(by_sample))
    by_run = mean(apart.mean(1)).stderr ** 2
    left = apart - apart.mean(0) - apart.mean(1, keepdims=True) + value
    twice = (left**2).sum() / max((runs - 1) * (samples - 1), 1) / (runs * samples)
    return Estimate(float(value), math.sqrt(max(by_sample + by_run - twice, by_sample, by_run)))


def paired_with_each_other(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Differences of the means of all rows of (k, n), row less column, and their standard errors, both (k, k)."""
    covariance = np.cov(values)
    variance = np.diag(covariance)[:, None] + np.diag(covariance) - 2 * covariance
    mean = values.mean(1)
    return mean[:, None] - mean, np.sqrt(np.maximum(variance, 0) / values.shape[1])


def weighted(values: np.ndarray, weights: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted mean along the first axis, and its standard error from how the parts scatter.

    With the means of batches of different sizes for values and their sizes for weights it is the mean of all
    samples. With m = sum_b w_b x_b, the w_b adding up to 1, the error is sqrt(B / (B - 1) sum_b w_b^2 (x_b - m)^2).
    """
    parts = len(values)
    shares = np.asarray(weights) / np.sum(weights)
    mean = np.tensordot(shares, values, axes=1)
    if parts < 2:
        return mean, _filled(mean, math.inf)
    spread = np.tensordot(shares**2, (values - mean) ** 2, axes=1)
    return mean, np.sqrt(spread * parts / (parts - 1))


def within_noise(difference: Any, stderr: Any, *, z: float = NOISE) -> Any:
    """Whether a difference is at most ``z`` of its standard errors, so that it may be chance; elementwise."""
    return abs(difference) <= z * stderr


def relative(stderr: float, value: float) -> float:
    """Standard error over absolute value; 0 where both vanish."""
    if stderr == 0:
        return 0.0
    return stderr / abs(value) if value != 0 else math.inf


@dataclass
class RunningMean:
    """Mean of values that come in batches, each batch weighed by its samples."""

    samples: int = 0
    total: float = 0.0

    def add(self, value: float, samples: int) -> None:
        """Add the mean of a batch."""
        self.samples += samples
        self.total += value * samples

    @property
    def value(self) -> float:
        """Mean of all samples so far."""
        return self.total / self.samples


@dataclass
class RunningMeans:
    """Running means and squared deviations of draws, by Welford's recurrence (Technometrics 4, 1962).

    Values are added in the order of the draws, so that a computation resumed from its state reaches the same numbers.
    """

    count: int = 0
    mean: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)

    def add(self, draws: Tensor) -> None:
        """Add draws of shape (k, columns)."""
        rows = draws.detach().double().cpu().tolist()
        if not self.mean:
            self.mean, self.deviation = [0.0] * draws.shape[1], [0.0] * draws.shape[1]
        for row in rows:
            self.count += 1
            for i, value in enumerate(row):
                delta = value - self.mean[i]
                self.mean[i] += delta / self.count
                self.deviation[i] += delta * (value - self.mean[i])

    @property
    def stderr(self) -> list[float]:
        """Standard error of each mean; infinite before the second draw."""
        if self.count < 2:
            return [math.inf] * len(self.mean)
        return [math.sqrt(max(d, 0.0) / (self.count - 1) / self.count) for d in self.deviation]

    def state(self) -> dict[str, Any]:
        """Plain data."""
        return {"count": self.count, "mean": list(self.mean), "deviation": list(self.deviation)}

    @classmethod
    def from_state(cls, state: Mapping[str, Any]) -> "RunningMeans":
        """The inverse of ``state``."""
        return cls(
            int(state["count"]), [float(v) for v in state["mean"]], [float(v) for v in state["deviation"]]
        )


@dataclass(frozen=True)
class Correlation:
    """A rank correlation in [-1, 1] with its interval; nan where a score is constant."""

    value: float
    low: float
    high: float


def correlation(value: float, others: np.ndarray, level: float = LEVEL) -> Correlation:
    """A correlation with the middle ``level`` of ``others``, resampled or redrawn, drawn out to hold it."""
    if np.isnan(value) or np.isnan(others).all():
        return Correlation(value, math.nan, math.nan)
    low, high = np.nanquantile(others, [(1 - level) / 2, (1 + level) / 2])
    return Correlation(value, min(value, float(low)), max(value, float(high)))


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Spearman's rho along the last axis, ties sharing the mean of their ranks; nan where one is constant."""
    middle = (a.shape[-1] + 1) / 2
    return _cosine(rankdata(a, axis=-1) - middle, rankdata(b, axis=-1) - middle)


def kendall(a: np.ndarray, b: np.ndarray, pairs: np.ndarray | None = None) -> np.ndarray:
    """Kendall's tau-b along the last axis, from the signs of all differences; nan where one is constant.

    Args:
        pairs: (..., n, n) bool, symmetric: the pairs that count; None for all.
    """
    x, y = (np.sign(each[..., :, None] - each[..., None, :]) for each in (a, b))
    if pairs is not None:
        x = x * pairs
        y = y * pairs
    flat = (*x.shape[:-2], -1)
    return _cosine(x.reshape(flat), y.reshape(flat))


def _cosine(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    sizes = np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    found: np.ndarray = np.divide((x * y).sum(-1), sizes, out=np.full(x.shape[:-1], np.nan), where=sizes > 0)
    return found


def _filled(like: Values, value: float) -> Values:
    return torch.full_like(like, value) if isinstance(like, Tensor) else np.full_like(like, value)
