r"""Orders of the blocks by eigenvalue beside the order by mean trace, and how far they agree.

HAWQ (section 3) gives bits in the order of S_i = lambda_i / n_i and fine-tunes in the order of
Omega_i = lambda_i |Q(W_i) - W_i|^2, lambda_i the largest eigenvalue of block i. HAWQ-V2 (section 3.1, figures 1
and 6) replaces lambda_i / n_i by the mean trace Tr(H_i) / n_i, and its Omega_i is mean trace times
|Q(W_i) - W_i|^2. Two orders are compared by Spearman's rho and Kendall's tau.

Their uncertainty comes from redrawing every lambda and trace from a normal distribution with its standard error,
and taking the middle 95 % of the correlations. A redraw adds noise to values that have noise already, so the
interval leans towards zero; it is drawn out to hold the correlation found. It is wide where the errors leave the
order open, and says so on the safe side.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.errors import CurvatureError
from explorer.estimates import Correlation, correlation, kendall, spearman
from explorer.randomness import Stream, numpy_generator

DRAWS = 400


@dataclass(frozen=True)
class Score:
    """One block's score with its standard error."""

    block: str
    value: float
    stderr: float


@dataclass(frozen=True)
class Comparison:
    """Two scores of the same blocks, in depth order.

    Attributes:
        first, second: the scores.
        first_ranks, second_ranks: 1 for the largest; blocks in the same order.
        spearman, kendall: their agreement.
    """

    first: tuple[Score, ...]
    second: tuple[Score, ...]
    first_ranks: tuple[int, ...]
    second_ranks: tuple[int, ...]
    spearman: Correlation
    kendall: Correlation


def by_eigenvalue(eigenvalues: Sequence[Mapping[str, Any]]) -> tuple[Score, ...]:
    """S_i = lambda_i / n_i from records with ``block``, ``n``, ``values`` and ``stderrs``; no whole network."""
    return tuple(
        Score(e["block"], e["values"][0] / e["n"], (e["stderrs"][0] or 0.0) / e["n"])
        for e in eigenvalues
        if e["block"] is not None
    )


def by_trace(traces: Sequence[Mapping[str, Any]]) -> tuple[Score, ...]:
    """Tr(H_i) / n_i from records with ``name``, ``n``, ``trace`` and ``stderr``."""
    return tuple(Score(t["name"], t["trace"] / t["n"], t["stderr"] / t["n"]) for t in traces)


def times(scores: Sequence[Score], factors: Mapping[str, float]) -> tuple[Score, ...]:
    """Every score times its block's factor; blocks without one are left out."""
    known = [(score, factors[score.block]) for score in scores if score.block in factors]
    return tuple(Score(score.block, score.value * f, score.stderr * abs(f)) for score, f in known)


def fine_tuning_order(
    eigenvalues: Sequence[Mapping[str, Any]], squared_errors: Mapping[str, float]
) -> tuple[Score, ...]:
    """HAWQ's Omega_i = lambda_i |Q(W_i) - W_i|^2, the block to fine-tune first coming first."""
    sizes = {e["block"]: float(e["n"]) for e in eigenvalues}
    lambdas = times(by_eigenvalue(eigenvalues), sizes)
    return tuple(sorted(times(lambdas, squared_errors), key=lambda score: -score.value))


def compare(first: Sequence[Score], second: Sequence[Score], *, seed: int = 0) -> Comparison:
    """Agreement of two scores on the order of the same blocks.

    Raises:
        CurvatureError: there are fewer than two blocks in common.
    """
    other = {score.block: score for score in second}
    first = tuple(score for score in first if score.block in other)
    second = tuple(other[score.block] for score in first)
    if len(first) < 2:
        raise CurvatureError("a rank correlation needs two blocks or more that both scores know")
    source = numpy_generator(Stream.REDRAWN_SCORES, seed)
    a, b = _drawn(first, source), _drawn(second, source)
    return Comparison(
        first,
        second,
        _ranks(first),
        _ranks(second),
        _agreement(spearman(a, b)),
        _agreement(kendall(a, b)),
    )


def _drawn(scores: Sequence[Score], source: np.random.Generator) -> np.ndarray:
    """The scores and redraws of them, (1 + DRAWS, blocks); the scores themselves come first."""
    values = np.array([score.value for score in scores])
    errors = np.array([score.stderr for score in scores])
    noise = source.standard_normal((DRAWS, len(scores))) * errors
    found: np.ndarray = values + np.vstack([np.zeros(len(scores)), noise])
    return found


def _ranks(scores: Sequence[Score]) -> tuple[int, ...]:
    order = sorted(range(len(scores)), key=lambda i: -scores[i].value)
    ranks = {i: rank for rank, i in enumerate(order, 1)}
    return tuple(ranks[i] for i in range(len(scores)))


def _agreement(found: np.ndarray) -> Correlation:
    """Correlation of the scores themselves, which come first, with the interval of the redraws."""
    return correlation(float(found[0]), found[1:])
