"""Plans in a row, from cheap to dear: what the frontier and the path of the greedy baseline have in common."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.plans.costs import words
from explorer.plans.costs.tables import CostTable
from explorer.plans.problem.budget import Budget
from explorer.plans.problem.deviations import deviations
from explorer.plans.problem.infeasible import InfeasibleError
from explorer.plans.problem.point import Point
from explorer.plans.problem.problem import Problem, cost_lookup, total


@dataclass(frozen=True)
class Curve:
    """Plans of a problem, cheapest first.

    Attributes:
        problem: what they are plans of.
        bits: (P, L) uint8, weight bits, columns in depth order.
        a_bits: (P, L) uint8, activation bits.
        counts: (P,) int64, exact cost in 1/divisor of the unit, rising.
        cost: (P,) float64, cost in the unit.
        omega: (P,) float64.
    """

    problem: Problem
    bits: np.ndarray
    a_bits: np.ndarray
    counts: np.ndarray
    cost: np.ndarray
    omega: np.ndarray

    def __len__(self) -> int:
        return len(self.omega)

    @property
    def blocks(self) -> tuple[str, ...]:
        """Names of the columns of ``bits``."""
        return self.problem.blocks

    def point(self, index: int) -> Point:
        """The plan at one place."""
        place = index % len(self)
        return Point(
            place,
            self.problem.cost.in_unit(int(self.counts[place])),
            float(self.omega[place]),
            _named(self.blocks, self.bits[place]),
            _named(self.blocks, self.a_bits[place]),
            bool(self.problem.a_menu),
        )

    def points(self) -> Iterator[Point]:
        """All plans, cheapest first."""
        return (self.point(index) for index in range(len(self)))

    def stderr(self) -> np.ndarray:
        """(P,) standard error of Ω of every point, from the standard errors of the damage table."""
        return deviations(self.problem, self.bits, self.a_bits)

    def figures(self, cost: CostTable) -> np.ndarray:
        """(P,) what every point costs by another table, in that table's unit."""
        counts = total(cost_lookup(self.problem, cost), self.bits, self.a_bits)
        scaled: np.ndarray = counts / cost.divisor
        return scaled

    def best_under(self, budget: Budget) -> Point:
        """The plan with the least Ω within the budget.

        Raises:
            InfeasibleError: no plan is that cheap; the message says what the cheapest costs.
        """
        if not len(self):
            raise InfeasibleError("none of these plans keeps the limits; raise them, or look at more plans")
        limit = self.problem.limit(budget)
        within = int(np.searchsorted(self.counts, limit, side="right"))
        if within == 0:
            table = self.problem.cost
            (least, most), unit = words.compared(table, int(self.counts[0]), limit)
            raise InfeasibleError(
                f"no plan fits: the smallest needs {least} {unit}, the budget is {most}; raise it or allow fewer bits",
                binding=(table.name,),
                nearest=self.point(0),
                loosened={table.name: float(self.cost[0])},
            )
        return self.point(int(np.argmin(self.omega[:within])))

    def find(self, w_bits: Mapping[str, int], a_bits: Mapping[str, int] | None = None) -> int | None:
        """The place of the plan with these weight bits, or None if it is not on the curve.

        Args:
            a_bits: its activation bits, where they were chosen too.
        """
        if set(w_bits) != set(self.blocks) or not len(self):
            return None
        row = np.array([w_bits[block] for block in self.blocks], dtype=self.bits.dtype)
        same = (self.bits == row).all(axis=1)
        if a_bits is not None:
            same &= (self.a_bits == np.array([a_bits[block] for block in self.blocks])).all(axis=1)
        found = np.flatnonzero(same)
        return int(found[0]) if len(found) else None

    def nearest(self, cost: float) -> Point:
        """The plan whose cost is closest, for a slider or a deep link."""
        return self.point(int(np.argmin(np.abs(self.cost - cost))))


def point_of(problem: Problem, bits: np.ndarray, a_bits: np.ndarray, index: int = 0) -> Point:
    """The point of one plan, (L,) weight bits and (L,) activation bits of a problem's blocks."""
    count = total(problem.lookup("count"), bits[None], a_bits[None])[0]
    omega = total(problem.lookup("omega"), bits[None], a_bits[None])[0]
    return Point(
        index,
        problem.cost.in_unit(int(count)),
        float(omega),
        _named(problem.blocks, bits),
        _named(problem.blocks, a_bits),
        bool(problem.a_menu),
    )


def thin(cost: np.ndarray, omega: np.ndarray, most: int) -> np.ndarray:
    """Indices of at most ``most`` points, evenly spaced along the line as it is drawn, both ends among them.

    Drawn means Ω on a logarithmic axis where every Ω is positive.
    """
    if len(cost) <= max(most, 2):
        return np.arange(len(cost))
    height = np.log(omega) if (omega > 0).all() else omega
    step = np.hypot(np.diff(cost) / (np.ptp(cost) or 1), np.diff(height) / (np.ptp(height) or 1))
    along = np.concatenate([[0.0], np.cumsum(step)])
    wanted = np.linspace(0, along[-1], max(most, 2))
    found: np.ndarray = np.unique(np.clip(np.searchsorted(along, wanted), 0, len(cost) - 1))
    return found


def _named(blocks: Sequence[str], bits: np.ndarray) -> dict[str, int]:
    return {block: int(width) for block, width in zip(blocks, bits, strict=True)}
