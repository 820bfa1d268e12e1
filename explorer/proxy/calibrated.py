r"""From Ω to the accuracy to expect, with a band, by what plans were measured to be worth.

Ω orders plans and says nothing of how much accuracy is lost; measured plans of the same network say that. Accuracy does
not rise with Ω, so the curve is the isotonic regression (Barlow et al., "Statistical inference under order
restrictions", 1972) of the accuracies y_i on x_i = ln Ω_i, weighted by 1/s_i², linear between the x_i, and nothing is
said outside their range:

    f = argmin Σ_i (y_i − f_i)² / s_i²,    f_1 ≥ f_2 ≥ … for x_1 < x_2 < …

s_i is the standard error that the images leave, of the share p̃ = (n p + 1)/(n + 2) (Laplace), so that it is never zero.
All plans saw the same images, so the errors of the y_i are nearly one common shift: it moves the whole curve and hardly
shows in the residuals. Those say how far a plan lies off the curve. At x, between neighbours with the values
f_k ≥ f_(k+1), a monotone curve can be anywhere from one to the other (uniform: variance (f_k − f_(k+1))²/12), and plans
differ by d, the median standard error of the difference of neighbours:

    σ(x)² = d² + (f_k − f_(k+1))² / 12
    q²    = mean over the inner plans i of (y_i − f_−i(x_i))² / σ_−i(x_i)²          f_−i, σ_−i: without plan i
    band  = √(s(x)² + q² σ(x)²)                                                     one standard error

s(x) is interpolated as f is. The band is of the accuracy, on images like these, of a plan of which Ω alone is known.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.optimize import isotonic_regression

from explorer.estimates import Estimate
from explorer.proxy.along import MeasuredPlan

FEWEST = 5  # plans of different Ω


@dataclass(frozen=True)
class Calibration:
    """A curve from Ω to accuracy.

    Attributes:
        log_omega: (K,) ln Ω of the measured plans, ascending.
        accuracy: (K,) the regression there, not rising.
        stderr: (K,) standard errors that the images leave.
        noise: d, standard error of the difference of two neighbours.
        scale: q, how far plans lie off the curve in units of σ.
        plans: how many were measured.
    """

    log_omega: tuple[float, ...]
    accuracy: tuple[float, ...]
    stderr: tuple[float, ...]
    noise: float
    scale: float
    plans: int

    def at(self, omega: float) -> Estimate | None:
        """Accuracy to expect at Ω, and its standard error; None outside the range that was measured."""
        value, band = self.along(np.array([omega]))
        return None if np.isnan(value[0]) else Estimate(float(value[0]), float(band[0]))

    def along(self, omega: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same of many (P,), NaN outside the range."""
        return self.along_log(_log(omega))

    def along_log(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The same at ln Ω."""
        knots = [np.array(each) for each in (self.log_omega, self.accuracy, self.stderr)]
        value, own = _curve(x, knots[0], knots[1]), _curve(x, knots[0], knots[2])
        sigma = _sigma(x, knots[0], knots[1], self.noise)
        return value, np.sqrt(own**2 + (self.scale * sigma) ** 2)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def calibrate(omega: Sequence[float], plans: Sequence[MeasuredPlan]) -> Calibration | None:
    """The curve through measured plans; None for fewer than five of different Ω, or where there is no accuracy.

    Args:
        omega: of each of the plans; those without a logarithm are left out.
    """
    kept = [
        (value, plan)
        for value, plan in zip(omega, plans, strict=True)
        if value > 0 and plan.accuracy is not None
    ]
    if len({value for value, _ in kept}) < FEWEST:
        return None
    kept.sort(key=lambda each: each[0])
    x = np.log([value for value, _ in kept])
    y = np.array([plan.accuracy for _, plan in kept])
    s = np.array([_stderr(plan) for _, plan in kept])
    differences = [plan.gain_stderr for _, plan in kept if plan.gain_stderr is not None]
    noise = max(
        float(np.median(differences)) if differences else 0.0, 1 / max(plan.samples for _, plan in kept)
    )
    x, y, s = _once_an_omega(x, y, s)
    squares = []
    for i in range(1, len(x) - 1):
        others = np.arange(len(x)) != i
        fitted = _fit(y[others], s[others])
        off = y[i] - _curve(x[i : i + 1], x[others], fitted)
        squares.append((off / _sigma(x[i : i + 1], x[others], fitted, noise))[0] ** 2)
    return Calibration(
        log_omega=tuple(x.tolist()),
        accuracy=tuple(_fit(y, s).tolist()),
        stderr=tuple(s.tolist()),
        noise=noise,
        scale=float(np.sqrt(np.mean(squares))),
        plans=len(kept),
    )


def _stderr(plan: MeasuredPlan) -> float:
    assert plan.accuracy is not None
    count = plan.samples
    smoothed = (count * plan.accuracy + 1) / (count + 2)
    return float(np.sqrt(smoothed * (1 - smoothed) / count))


def _fit(y: np.ndarray, s: np.ndarray) -> np.ndarray:
    fitted: np.ndarray = isotonic_regression(y, weights=1 / s**2, increasing=False).x
    return fitted


def _once_an_omega(x: np.ndarray, y: np.ndarray, s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Plans of one Ω as one, at the mean of their accuracies; their errors are common, so it is no surer than they."""
    single, where = np.unique(x, return_inverse=True)
    count = np.bincount(where)
    return single, np.bincount(where, y) / count, np.bincount(where, s) / count


def _curve(x: np.ndarray, knots: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Linear between knots, NaN outside."""
    found: np.ndarray = np.interp(x, knots, values, left=np.nan, right=np.nan)
    return found


def _sigma(x: np.ndarray, knots: np.ndarray, values: np.ndarray, noise: float) -> np.ndarray:
    """How uncertain a monotone curve is between its knots, with the noise of two neighbours."""
    right = np.searchsorted(knots, x).clip(1, len(knots) - 1)
    gaps = values[right - 1] - values[right]
    found: np.ndarray = np.sqrt(noise**2 + gaps**2 / 12)
    return found


def _log(omega: np.ndarray) -> np.ndarray:
    found: np.ndarray = np.log(omega, out=np.full(omega.shape, np.nan), where=omega > 0)
    return found
