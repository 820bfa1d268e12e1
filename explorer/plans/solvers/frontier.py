"""The frontier: every plan that no other plan beats in both cost and Ω.

HAWQ-V2 enumerates its set B and plots (size, Ω) (section 2.3, Fig. 4); HAWQ-V3 solves one integer programme
per budget. Here all Pareto-optimal plans are found at once, not only those on the convex hull,
so the answer to every budget is a look-up. See ``dominance`` for the method and for what ``resolution``
promises, ``labels`` for further limits and for the monotone case.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np

from explorer.errors import PlanError
from explorer.plans.problem.budget import Budget
from explorer.plans.problem.problem import Problem, total
from explorer.plans.solvers import dominance, labels
from explorer.plans.solvers.curve import Curve, thin


@dataclass(frozen=True)
class Frontier(Curve):
    """All Pareto-optimal plans of a problem, cheapest first.

    Attributes:
        counts: strictly rising.
        omega: strictly falling.
        resolution: 0 when the frontier is exact. Otherwise: for every plan there is a point with no more Ω
            that costs at most this much more (in the unit); the points themselves are exact either way.
        slack: for each limit of the problem, in its unit: where it is not 0, the promise of ``resolution``
            holds for plans that stay below the limit by this much.
        states: how many partial plans were looked at.
    """

    resolution: float = 0.0
    slack: tuple[float, ...] = ()
    states: int = 0

    @property
    def search_space(self) -> int:
        """How many plans the frontier was chosen from."""
        return self.problem.search_space

    @property
    def exact(self) -> bool:
        """Whether nothing was rounded."""
        return self.resolution == 0 and not any(self.slack)

    def thinned(self, most: int) -> np.ndarray:
        """Indices of at most ``most`` points that draw the same line, both ends among them."""
        return thin(self.cost, self.omega, most)

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
        PlanError: no plan keeps the limits of the problem; or the resolution is negative.
    """
    if resolution is not None and not resolution >= 0:
        raise PlanError(
            f"a resolution of {resolution} means nothing; give 0 for exact or a positive {problem.cost.unit}"
        )
    rounding = None if resolution is None else floor(Fraction(str(resolution)) * problem.cost.divisor)
    if problem.bounds or problem.monotone:
        found = labels.within(_parts(problem), [bound.limit for bound in problem.bounds], rounding=rounding)
        picks, errors, states = found.picks, found.errors, found.states
        if problem.monotone:
            picks = picks[:, np.argsort(_in_order(problem))]
    else:
        choices = dominance.non_dominated(
            [group.counts for group in problem.groups],
            [group.omegas for group in problem.groups],
            rounding=rounding,
        )
        picks, errors, states = choices.picks, (choices.error,), choices.states
    if not len(picks):
        # Where labels were merged a feasible plan may have been lost; this finds it, or says what is in the way.
        from explorer.plans.solvers.exact_one import (
            solve_one,  # solve_one returns points, so it imports curves
        )

        picks = np.array([solve_one(problem).picks], dtype=np.uint8)
    bits, a_bits = problem.widths_of(picks)
    counts = total(problem.lookup("count"), bits, a_bits)
    omega = total(problem.lookup("omega"), bits, a_bits)
    # Summed again block by block, so that Ω does not depend on the way; a last bit may fall differently.
    kept = dominance.pareto(counts, omega)
    counts = counts[kept]
    return Frontier(
        problem,
        bits[kept],
        a_bits[kept],
        counts,
        counts / problem.cost.divisor,
        omega[kept],
        errors[0] / problem.cost.divisor,
        tuple(e / bound.cost.divisor for e, bound in zip(errors[1:], problem.bounds, strict=True)),
        states,
    )


def _in_order(problem: Problem) -> list[int]:
    """Positions of the groups as the order of a monotone problem has them: kept ones, then by sensitivity."""
    place = {id(group): index for index, group in enumerate(problem.groups)}
    kept = [index for index, group in enumerate(problem.groups) if group.kept]
    return kept + [place[id(group)] for group in problem.free]


def _parts(problem: Problem) -> list[labels.Part]:
    order = _in_order(problem) if problem.monotone else range(len(problem.groups))
    parts = []
    for group in (problem.groups[index] for index in order):
        costs = np.array([group.counts, *group.further], dtype=np.int64).T
        ranked = problem.monotone and not group.kept
        widths = np.array([option.w_bits for option in group.options])
        parts.append(labels.Part(costs, np.array(group.omegas, dtype=np.float64), widths if ranked else None))
    return parts
