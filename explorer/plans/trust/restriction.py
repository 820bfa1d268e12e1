"""What a restriction costs: Ω of its best plan over Ω of the exact frontier's, at equal cost.

HAWQ-V2 looks only at its set B, a greedy search only at the plans on its way. For a budget c, with Ω*(c) the
least Ω of all plans within c and Ω_R(c) that of the plans that are looked at, Ω_R(c)/Ω*(c) is at least 1.
"""

from dataclasses import dataclass

import numpy as np

from explorer.errors import PlanError
from explorer.plans.solvers.curve import Curve
from explorer.plans.solvers.set_b import SetB


@dataclass(frozen=True)
class Restriction:
    """The curve of what a restriction costs, at the budgets where the exact frontier changes.

    Attributes:
        cost: (P,) budgets in the cost's unit, rising: every point of the exact frontier.
        exact: (P,) the least Ω within each.
        restricted: (P,) the least that the restriction leaves; infinite where it leaves no plan so cheap.
        ratio: (P,) restricted over exact; not a number where a trace of negative sign makes Ω 0 or less.
    """

    cost: np.ndarray
    exact: np.ndarray
    restricted: np.ndarray
    ratio: np.ndarray

    @property
    def worst(self) -> tuple[float, float]:
        """The budget at which the restriction costs most of those it has a plan for, and the ratio there."""
        known = np.flatnonzero(np.isfinite(self.ratio))
        if not len(known):
            raise PlanError("the restriction has no plan within any of the budgets; widen it")
        place = known[np.argmax(self.ratio[known])]
        return float(self.cost[place]), float(self.ratio[place])

    @property
    def median(self) -> float:
        """The middle ratio over the budgets for which the restriction has a plan."""
        known = self.ratio[np.isfinite(self.ratio)]
        return float(np.median(known)) if len(known) else float("nan")


def restriction(exact: Curve, restricted: Curve | SetB) -> Restriction:
    """What it costs to look only at some plans.

    Args:
        exact: the frontier of all plans.
        restricted: set B, the greedy path, or another frontier; of the same blocks and the same cost.

    Raises:
        PlanError: the two are not of the same blocks, or one has no plan.
    """
    if exact.blocks != restricted.blocks:
        raise PlanError("the two curves are of different blocks; compare plans of one partition")
    if not len(exact):
        raise PlanError("there is no exact frontier to compare with; it has no plan")
    order = np.argsort(restricted.counts, kind="stable")
    least = np.concatenate([[np.inf], np.minimum.accumulate(restricted.omega[order])])
    within = np.searchsorted(restricted.counts[order], exact.counts, side="right")
    found = least[within]
    ratio = np.full(len(exact), np.nan)
    np.divide(found, exact.omega, out=ratio, where=exact.omega > 0)
    return Restriction(exact.cost, exact.omega, found, ratio)
