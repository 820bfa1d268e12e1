"""The frontier: every plan that no other plan beats in both cost and Ω.

HAWQ-V2 enumerates its set B and plots (size, Ω) (section 2.3, Fig. 4); HAWQ-V3 solves one integer programme
per budget. Here all Pareto-optimal plans are found at once, not only those on the convex hull,
so the answer to every budget is a look-up. See ``dominance`` for the method and for what ``resolution``
promises, ``set_b`` for the monotone case.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np

from explorer.errors import PlanError
from explorer.plans import dominance
from explorer.plans.budget import Budget
from explorer.plans.problem import Problem, lookup, total
from explorer.plans.set_b import enumerate_set_b


@dataclass(frozen=True)
class Point:
    """One plan of the frontier.

    Attributes:
        index: its place on the frontier, 0 being the cheapest.
        cost: in the table's unit; an int where it is whole.
        omega: Ω.
        bits: block to weight bits, in depth order.
    """

    index: int
    cost: int | float
    omega: float
    bits: dict[str, int]

    def to_json(self) -> dict[str, Any]:
        """The contract of the command line."""
        return {"cost": self.cost, "omega": self.omega, "bits": self.bits}


@dataclass(frozen=True)
class Frontier:
    """All Pareto-optimal plans of a problem, cheapest first.

    Attributes:
        problem: what was solved.
        bits: (P, L) uint8, columns in depth order.
        counts: (P,) int64, exact cost in 1/divisor of the unit, strictly rising.
        cost: (P,) float64, cost in the unit.
        omega: (P,) float64, strictly falling.
        resolution: 0 when the frontier is exact. Otherwise: for every plan there is a point with no more Ω
            that costs at most this much more (in the unit); the points themselves are exact either way.
    """

    problem: Problem
    bits: np.ndarray
    counts: np.ndarray
    cost: np.ndarray
    omega: np.ndarray
    resolution: float

    def __len__(self) -> int:
        return len(self.omega)

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the columns of ``bits``."""
        return self.problem.blocks

    @property
    def search_space(self) -> int:
        """How many plans the frontier was chosen from."""
        return self.problem.search_space

    def point(self, index: int) -> Point:
        """The plan at one place."""
        bits = {block: int(width) for block, width in zip(self.blocks, self.bits[index], strict=True)}
        place = index % len(self)
        return Point(
            place, self.problem.cost.in_unit(int(self.counts[place])), float(self.omega[place]), bits
        )

    def points(self) -> Iterator[Point]:
        """All plans, cheapest first."""
        return (self.point(index) for index in range(len(self)))

    def stderr(self) -> np.ndarray:
        """(P,) standard error of Ω of every point, from the standard errors of the traces."""
        deviation: np.ndarray = np.sqrt(total(lookup(self.problem, "variance"), self.bits))
        return deviation

    def best_under(self, budget: Budget) -> Point:
        """The plan with the least Ω within the budget.

        Raises:
            PlanError: no plan is that cheap; the message says what the cheapest costs.
        """
        limit = budget.limit(self.problem)
        index = int(np.searchsorted(self.counts, limit, side="right")) - 1
        if index < 0:
            table = self.problem.cost
            asked = table.in_unit(limit) if budget.kind != "at_most" else budget.value
            raise PlanError(
                f"no plan has a {table.name} of at most {asked:,.10g} {table.unit}: the smallest possible is "
                f"{table.in_unit(int(self.counts[0])):,.10g} {table.unit}; raise the budget or allow "
                "fewer bits"
            )
        return self.point(index)

    def nearest(self, cost: float) -> Point:
        """The plan whose cost is closest, for a slider or a deep link."""
        return self.point(int(np.argmin(np.abs(self.cost - cost))))

    def to_json(self, budget: Budget | None = None) -> dict[str, Any]:
        """The contract of the command line: points, the chosen one, how many plans there were.

        Raises:
            PlanError: there is a budget and no plan meets it.
        """
        return {
            "points": [point.to_json() for point in self.points()],
            "chosen": self.best_under(budget).to_json() if budget else None,
            "search_space": str(self.search_space),
            "cost": self.problem.cost.name,
            "unit": self.problem.cost.unit,
            "resolution": self.resolution,
        }


def solve(problem: Problem, *, resolution: float | None = None) -> Frontier:
    """The frontier of a problem.

    Args:
        resolution: in the cost's unit. None: exact, unless too many partial plans would have to be held
            (40,000), and then as fine as that allows; 0: exact whatever it takes; otherwise the rounding that
            is welcome.

    Raises:
        PlanError: the problem is monotone and set B is too large to enumerate; or the resolution is negative.
    """
    if resolution is not None and not resolution >= 0:
        raise PlanError(
            f"a resolution of {resolution} means nothing; give 0 for exact or a positive {problem.cost.unit}"
        )
    error = 0
    if problem.monotone:
        bits = enumerate_set_b(problem)
        best = dominance.pareto(bits.counts, bits.omega)
        chosen = bits.bits[best]
    else:
        rounding = None if resolution is None else floor(Fraction(str(resolution)) * problem.cost.divisor)
        choices = dominance.non_dominated(
            [group.counts for group in problem.groups],
            [group.omegas for group in problem.groups],
            rounding=rounding,
        )
        error = choices.error
        chosen = np.zeros((len(choices.picks), len(problem.blocks)), dtype=np.uint8)
        for column, group in enumerate(problem.groups):
            chosen[:, group.members] = np.array(group.widths, dtype=np.uint8)[choices.picks[:, column]][
                :, None
            ]
    counts, omega = total(lookup(problem, "count"), chosen), total(lookup(problem, "omega"), chosen)
    # Summed again block by block, so that Ω does not depend on the way; a last bit may fall differently.
    kept = dominance.pareto(counts, omega)
    counts = counts[kept]
    return Frontier(
        problem,
        chosen[kept],
        counts,
        counts / problem.cost.divisor,
        omega[kept],
        error / problem.cost.divisor,
    )
