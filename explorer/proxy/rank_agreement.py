"""How well a predicted damage orders plans by their measured loss.

Spearman's ρ and Kendall's τ-b over all plans, and τ over the pairs of plans for which a choice is to be made and
can be judged: of one size (to 2 %), with measured losses that differ by more than two standard errors of the
paired difference. Over all plans size alone orders well, since fewer bits do more damage whatever the measure;
pairs of one size are the test. Their τ is (concordant − discordant) over the root of the product of the pairs
untied in either.

Intervals are the middle 95 % over bootstrap resamples of the plans (Efron 1979). The plans were chosen, not drawn
(`sampling`), so an interval says how much rests on single plans, and is no statement about all plans.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.estimates import (
    Correlation,
    correlation,
    kendall,
    paired_with_each_other,
    spearman,
    within_noise,
)
from explorer.randomness import Stream, numpy_generator

DRAWS = 1000
EQUAL = 0.02


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

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Agreement":
        """From plain data, as ``asdict`` gives it."""
        named = {name: Correlation(**content[name]) for name in ("spearman", "kendall", "equal_size")}
        return cls(**named, pairs=content["pairs"])


def agreement(
    predicted: np.ndarray, losses: np.ndarray, sizes: np.ndarray, *, seed: int = 0, draws: int = DRAWS
) -> Agreement:
    """Compare a prediction (P,) with losses (P, N) of P plans of these sizes (P,) on the same N images."""
    measured = losses.mean(1)
    judged = comparable(losses, sizes)
    rng = numpy_generator(Stream.PLAN_RESAMPLES, seed)
    picks = [np.arange(len(sizes)), *rng.integers(0, len(sizes), (draws, len(sizes)))]
    return Agreement(
        _interval([spearman(predicted[pick], measured[pick]) for pick in picks]),
        _interval([kendall(predicted[pick], measured[pick]) for pick in picks]),
        _interval([kendall(predicted[pick], measured[pick], judged[np.ix_(pick, pick)]) for pick in picks]),
        int(judged.sum()) // 2,
    )


def comparable(losses: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """(P, P) bool: pairs of one size whose mean losses differ by more than the noise, given losses (P, N)."""
    apart = ~within_noise(*paired_with_each_other(losses))
    alike = np.abs(sizes[:, None] - sizes) <= EQUAL * np.minimum(sizes[:, None], sizes)
    return np.asarray(apart & alike & ~np.eye(len(sizes), dtype=bool))


def _interval(found: list[np.ndarray]) -> Correlation:
    """Correlation over the plans themselves, which comes first, with the interval of the resamples."""
    return correlation(float(found[0]), np.array(found[1:]))
