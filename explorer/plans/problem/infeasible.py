"""What is said when no plan can meet what is asked: what is in the way, and what comes nearest."""

from collections.abc import Mapping

from explorer.errors import PlanError
from explorer.plans.problem.point import Point


class InfeasibleError(PlanError):
    """No plan keeps all limits.

    Attributes:
        binding: names of the costs whose limits are in the way.
        nearest: the plan that breaks the limits least, relative to each and summed; None where that is not
            known.
        loosened: cost to the smallest limit, in its unit, with which alone a plan exists when all others stay
            as they are.
    """

    def __init__(
        self,
        message: str,
        *,
        binding: tuple[str, ...] = (),
        nearest: Point | None = None,
        loosened: Mapping[str, float] | None = None,
    ) -> None:
        super().__init__(message)
        self.binding = binding
        self.nearest = nearest
        self.loosened = dict(loosened or {})
