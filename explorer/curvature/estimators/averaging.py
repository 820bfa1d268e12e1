r"""Averaging independent draws until every block's standard error is small enough.

A draw is one unbiased value for every block; draws are independent, so with mean m and sample variance s^2
over k draws the standard error is s / sqrt(k). Sums follow Welford's recurrence (Technometrics 4, 1962), in
the order of the draws, so that a computation resumed from its state reaches the same numbers. The rule that
stops is the standard error of every block, never that a running mean has moved little, which stops by luck.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


@dataclass
class Means:
    """Running means and squared deviations of draws, one a block."""

    count: int = 0
    mean: list[float] = field(default_factory=list)
    deviation: list[float] = field(default_factory=list)

    def add(self, draws: Tensor) -> None:
        """Add draws of shape (k, blocks)."""
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
    def from_state(cls, state: Mapping[str, Any]) -> "Means":
        return cls(
            int(state["count"]), [float(v) for v in state["mean"]], [float(v) for v in state["deviation"]]
        )


@dataclass(frozen=True)
class Budget:
    """When to stop: errors reached, draws used up, or time over.

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
    means: Means,
    *,
    budget: Budget,
    per_round: int,
    offset: Sequence[float] | None = None,
    offset_stderr: Sequence[float] | None = None,
    report: Callable[[Means, float], None],
    should_stop: Callable[[], bool],
) -> str:
    """Add rounds of draws to ``means`` until done.

    Args:
        draw: ``draw(first, k)`` gives draws ``first .. first + k - 1``, shape (k, blocks); it must depend on
            the number of the draw alone.
        means: where to add; may hold earlier draws.
        per_round: draws a round.
        offset, offset_stderr: an independent estimate that the mean is going to be added to.
        report: called after every round with the fraction done.
        should_stop: asked before every round.

    Returns:
        ``reached``, ``draws``, ``seconds`` or ``stopped``: why it ended.
    """
    while True:
        worst = _worst(means, offset, offset_stderr)
        if means.count >= min(budget.least, budget.draws) and worst <= budget.rel_se:
            return "reached"
        if means.count >= budget.draws:
            return "draws"
        if means.count and budget.late():
            return "seconds"
        if should_stop():
            return "stopped"
        means.add(draw(means.count, min(per_round, budget.draws - means.count)))
        worst = _worst(means, offset, offset_stderr)
        by_error = (budget.rel_se / worst) ** 2 if worst > 0 else 1.0
        report(
            means, min(1.0, max(by_error * min(1.0, means.count / budget.least), means.count / budget.draws))
        )


def relative(stderr: float, value: float) -> float:
    """Standard error over absolute value; 0 where both vanish."""
    if stderr == 0:
        return 0.0
    return stderr / abs(value) if value != 0 else math.inf


def _worst(means: Means, offset: Sequence[float] | None, offset_stderr: Sequence[float] | None) -> float:
    if means.count < 2:
        return math.inf
    values = means.mean if offset is None else [m + o for m, o in zip(means.mean, offset, strict=True)]
    errors = means.stderr
    if offset_stderr is not None:
        errors = [math.hypot(e, o) for e, o in zip(errors, offset_stderr, strict=True)]
    return max(relative(e, v) for e, v in zip(errors, values, strict=True))
