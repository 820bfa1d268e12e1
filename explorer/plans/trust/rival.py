"""What another measure of damage would choose in place of a plan, at no more cost.

Two measures predict Ω in currencies of their own, whose values cannot be compared with each other. What can be: by how
much each of them prefers its own choice, Ω_m(P') − Ω_m(P) for measure m, the plan P in hand and the other plan P',
with the standard error of that difference. Where both are within their noise, the choice of the measure is worth
nothing at this cost.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explorer.plans.damage.omega import DamageTable
from explorer.plans.problem.budget import Budget
from explorer.plans.problem.point import Point
from explorer.plans.solvers.frontier import Frontier

Widths = Mapping[str, int]


@dataclass(frozen=True)
class Preference:
    """Ω of both plans by one measure.

    Attributes:
        own: of the plan in hand.
        other: of the other plan.
        stderr: standard error of other − own; 0 where none is known.
    """

    own: float
    other: float
    stderr: float

    @property
    def difference(self) -> float:
        """Other minus own."""
        return self.other - self.own


@dataclass(frozen=True)
class Rival:
    """The plan that another measure would choose.

    Attributes:
        point: of the other measure's frontier.
        changed: block to its widths of weights and activations in hand, and those of the other plan, where they differ.
        by_own, by_other: both plans by the measure in hand, and by the other one.
    """

    point: Point
    changed: Mapping[str, tuple[tuple[int, int], tuple[int, int]]]
    by_own: Preference
    by_other: Preference

    def to_json(self) -> dict[str, Any]:
        """Plain data: the other plan as the command line prints points, and both plans by both measures."""
        return {
            **self.point.to_json(),
            "differs": {block: [list(own), list(other)] for block, (own, other) in self.changed.items()},
            "by_own": asdict(self.by_own),
            "by_other": asdict(self.by_other),
        }


def rival(own: DamageTable, w_bits: Widths, a_bits: Widths, others: Frontier) -> Rival:
    """What the measure of another frontier would choose at no more than the cost of a plan.

    Args:
        own: table by which the plan was chosen.
        w_bits, a_bits: of the plan in hand, block to width.
        others: frontier of the same blocks and cost by the other measure.

    Raises:
        PlanError: no plan of the other frontier costs as little, or a width of the plan is not known by both.
    """
    cost = others.problem.cost
    point = others.best_under(Budget("at_most", float(cost.in_unit(cost.count(w_bits, a_bits)))))
    changed = {
        block: ((w_bits[block], a_bits[block]), (point.bits[block], point.a_bits[block]))
        for block in w_bits
        if (w_bits[block], a_bits[block]) != (point.bits[block], point.a_bits[block])
    }

    def by(table: DamageTable) -> Preference:
        mine, theirs = (w_bits, a_bits), (point.bits, point.a_bits)
        return Preference(
            table.omega(*mine),
            table.omega(*theirs),
            table.difference_stderr(theirs, mine) if changed else 0.0,
        )

    return Rival(point, changed, by(own), by(others.problem.damage))
