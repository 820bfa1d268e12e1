"""Budgets: absolute, a ratio to FP32, or a fraction of the way between the lowest and the highest bits.

The last is how HAWQ-V3 sets its limits (a fraction of the way from the all-4-bit to the all-8-bit
cost). What a budget comes to in exact costs depends on the problem: see ``Problem.limit``.
"""

from dataclasses import dataclass
from math import isfinite
from typing import Literal

from explorer.errors import PlanError
from explorer.plans.costs.tables import CostTable
from explorer.questions.frontier import CostName


@dataclass(frozen=True)
class Budget:
    """A limit on the cost.

    Attributes:
        kind: "at_most" ``value`` of the cost's unit; "ratio": 1/``value`` of the FP32 cost; "between": the
            fraction ``value`` of the way from all-lowest to all-highest bits.
    """

    kind: Literal["at_most", "ratio", "between"]
    value: float

    def __post_init__(self) -> None:
        if not isfinite(self.value):
            raise PlanError(f"a budget of {self.value} means nothing; give a finite number")
        if self.kind == "ratio" and not 1e-6 <= self.value <= 1e9:
            raise PlanError(
                f"a budget ratio of {self.value} means nothing; give how many times smaller than "
                "FP32, such as 8"
            )
        if self.kind == "between" and not 0 <= self.value <= 1:
            raise PlanError(
                f"a budget fraction of {self.value} is not between 0 (all lowest bits) and 1 (all "
                "highest bits)"
            )


@dataclass(frozen=True)
class Limit:
    """A cost that must stay within a budget, beside the one that is the axis.

    Attributes:
        cost: its name, or a table of one's own.
        budget: what it may be.
    """

    cost: CostName | CostTable
    budget: Budget
