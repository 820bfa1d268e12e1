r"""Averaging independent draws until every block's standard error is small enough.

A draw is one unbiased value for every block; draws are independent, so with mean m and sample variance s^2
over k draws the standard error is s / sqrt(k). The rule that stops is the standard error of every block, never
that a running mean has moved little, which stops by luck.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from explorer.estimates import RunningMeans, relative


@dataclass(frozen=True)
class Budget:
    """Rule for when to stop: errors reached, draws used up, or time over.

    Attributes:
        rel_se: standard error over absolute value, for every block.
        draws: at most so many.
        least: at least so many, because an error estimated from few draws is itself uncertain.
        late: whether the time allowed is over.
    """

    rel_se: float
    draws: int
    least: int
    late: Callable[[], bool] = lambda: False


def average(
    draw: Callable[[int, int], Tensor],
    means: RunningMeans,
    *,
    budget: Budget,
    per_round: int,
    offset: Sequence[float] | None = None,
    offset_stderr: Sequence[float] | None = None,
    report: Callable[[RunningMeans, float], None],
    check_stop: Callable[[], None],
) -> str:
    """Add rounds of draws to ``means`` until done.

    Args:
        draw: ``draw(first, k)`` gives draws ``first .. first + k - 1``, shape (k, blocks); it must depend on
            the number of the draw alone.
        means: where to add; may hold earlier draws.
        per_round: draws a round.
        offset, offset_stderr: an independent estimate that the mean is going to be added to.
        report: called after every round with the fraction done.
        check_stop: called before every round; may raise.

    Returns:
        ``reached``, ``draws`` or ``seconds``: why it ended.
    """
    while True:
        worst = _worst(means, offset, offset_stderr)
        if means.count >= min(budget.least, budget.draws) and worst <= budget.rel_se:
            return "reached"
        if means.count >= budget.draws:
            return "draws"
        if means.count and budget.late():
            return "seconds"
        check_stop()
        means.add(draw(means.count, min(per_round, budget.draws - means.count)))
        worst = _worst(means, offset, offset_stderr)
        by_error = (budget.rel_se / worst) ** 2 if worst > 0 else 1.0
        report(
            means, min(1.0, max(by_error * min(1.0, means.count / budget.least), means.count / budget.draws))
        )


def _worst(
    means: RunningMeans, offset: Sequence[float] | None, offset_stderr: Sequence[float] | None
) -> float:
    if means.count < 2:
        return math.inf
    values = means.mean if offset is None else [m + o for m, o in zip(means.mean, offset, strict=True)]
    errors = means.stderr
    if offset_stderr is not None:
        errors = [math.hypot(e, o) for e, o in zip(errors, offset_stderr, strict=True)]
    return max(relative(e, v) for e, v in zip(errors, values, strict=True))
