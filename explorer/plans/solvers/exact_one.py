"""One budget exactly, by an integer programme: HAWQ-V3's way, with any number of limits at once.

HiGHS searches until the best plan found and the bound on all others meet: the gap of 0 is the certificate. See
``programme`` for the equations. The frontier answers every budget of one cost at once and agrees; this serves
as its check, and where several limits make a frontier too large to be exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.errors import PlanError
from explorer.plans.costs import words
from explorer.plans.costs.tables import CostTable
from explorer.plans.problem.budget import Budget, Limit
from explorer.plans.problem.infeasible import InfeasibleError
from explorer.plans.problem.point import Point
from explorer.plans.problem.problem import Bound, Problem
from explorer.plans.solvers.curve import point_of
from explorer.plans.solvers.programme import Programme

Asked = Limit | tuple[CostTable, Budget | float]


@dataclass(frozen=True)
class Certificate:
    """What the solver proved.

    Attributes:
        bound: no plan within the limits has less Ω than this.
        nodes: how many nodes of the search that took.
        text: the same in words.
    """

    bound: float
    nodes: int
    text: str


@dataclass(frozen=True)
class Solution:
    """The plan with the least Ω within all limits.

    Attributes:
        point: the plan.
        gap: how far Ω is above the certificate's bound, as a share of Ω; 0 where it is proved best.
        certificate: what the solver proved.
        binding: names of the costs whose limits alone leave no less Ω; without any of them it could be less.
        picks: which option each group of the problem takes.
    """

    point: Point
    gap: float
    certificate: Certificate
    binding: tuple[str, ...]
    picks: tuple[int, ...]


def solve_one(problem: Problem, budgets: Sequence[Asked] = (), *, seconds: float | None = None) -> Solution:
    """The plan with the least Ω within these budgets and the problem's own limits.

    Args:
        budgets: each a table and a budget; a bare number is "at most", in the table's unit.
        seconds: after this long the best plan so far is taken, with the gap that is left.

    Raises:
        InfeasibleError: no plan keeps all of them; it says which are in the way and what comes nearest.
        PlanError: there was no plan after ``seconds``.
    """
    bounds = (*problem.bounds, *(bound_of(problem, budget) for budget in budgets))
    programme = Programme(problem, seconds)
    best = programme.least(programme.omegas, bounds)
    if best is None:
        raise infeasible(programme, bounds)
    point = _point(problem, best.picks)
    text = (
        f"HiGHS proved that no plan within the limits has Ω below {best.bound:.6g} "
        f"(gap {best.gap:.2g}, nodes searched: {best.nodes:,})"
    )
    certificate = Certificate(best.bound, best.nodes, text)
    binding = _binding(programme, bounds, best.picks, point.omega)
    return Solution(point, best.gap, certificate, binding, best.picks)


def bound_of(problem: Problem, asked: Asked) -> Bound:
    """A budget as an exact limit.

    Raises:
        PlanError: it names a cost whose table the problem does not have.
    """
    table, budget = (asked.cost, asked.budget) if isinstance(asked, Limit) else asked
    if isinstance(table, str):
        tables = {each.name: each for each in (problem.cost, *(bound.cost for bound in problem.bounds))}
        if table not in tables:
            raise PlanError(f"the problem has no table of {table}; give the table in place of its name")
        table = tables[table]
    limit = budget if isinstance(budget, Budget) else Budget("at_most", float(budget))
    return Bound(table, problem.limit(limit, table))


def _point(problem: Problem, picks: Sequence[int]) -> Point:
    bits, a_bits = problem.widths_of(np.array([picks], dtype=np.uint8))
    return point_of(problem, bits[0], a_bits[0])


def _binding(
    programme: Programme, bounds: Sequence[Bound], picks: Sequence[int], omega: float
) -> tuple[str, ...]:
    """The costs of limits that alone leave Ω as it is, and none of which can be spared; the slackest go first."""
    free = programme.least(programme.omegas, ())
    assert free is not None  # there is a plan within the limits
    needed = [bound for bound in bounds if programme.count(bound.cost, free.picks) > bound.limit]
    least = _point(programme.problem, free.picks).omega
    tolerance = 1e-9 * (abs(omega) + abs(least))

    def slack(bound: Bound) -> float:
        return (bound.limit - programme.count(bound.cost, picks)) / max(abs(bound.limit), 1)

    for bound in sorted(needed, key=slack, reverse=True):
        others = [each for each in needed if each is not bound]
        found = programme.least(programme.omegas, others) if others else free
        assert found is not None
        if _point(programme.problem, found.picks).omega >= omega - tolerance:
            needed = others
    return tuple(bound.cost.name for bound in needed)


def infeasible(programme: Programme, bounds: Sequence[Bound]) -> PlanError:
    """What is in the way, by how much each limit alone would have to give, and the nearest plan."""
    problem = programme.problem
    picks = programme.nearest(bounds)
    if picks is None:
        return InfeasibleError(
            "no plan keeps the monotone order with the smallest and largest widths that are set; change them"
        )
    # Of the plans that break the limits as little, the one with the least Ω.
    eased = [replace(b, limit=max(b.limit, programme.count(b.cost, picks))) for b in bounds]
    best = programme.least(programme.omegas, eased)
    nearest = _point(problem, picks if best is None else best.picks)
    needed: dict[str, tuple[CostTable, int]] = {}
    for bound in bounds:
        others = [each for each in bounds if each is not bound]
        found = programme.least(programme.costs(bound.cost), others)
        if found is not None:
            needed[bound.cost.name] = (bound.cost, programme.count(bound.cost, found.picks))
    return InfeasibleError(
        f"no plan {_advice(bounds, needed, eased)} or allow fewer bits",
        binding=tuple(needed) or tuple(bound.cost.name for bound in bounds),
        nearest=nearest,
        loosened={name: float(table.in_unit(count)) for name, (table, count) in needed.items()},
    )


def _advice(
    bounds: Sequence[Bound], needed: Mapping[str, tuple[CostTable, int]], eased: Sequence[Bound]
) -> str:
    """Which limits are in the way, and what they would have to be."""
    if len(bounds) == 1:
        ((table, count),) = needed.values()
        (least, most), unit = words.compared(table, count, bounds[0].limit)
        return f"fits: the smallest needs {least} {unit}, the limit is {most}; raise it"
    together = f"keeps all limits ({', '.join(bound.said for bound in bounds)})"
    if needed:
        raised = [
            f"{words.noun(table)} to {words.in_words(table, count)}" for table, count in needed.values()
        ]
        return f"{together}: raise {', or '.join(raised)},"
    reached = [f"{words.noun(each.cost)} of {words.in_words(each.cost, each.limit)}" for each in eased]
    return f"{together}: no single limit is to blame, and the nearest plan takes {' and '.join(reached)}; raise them"
