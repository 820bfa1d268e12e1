"""What a person asks of the frontier, as plain data: equal questions have equal answers, so it is a key of caches."""

from dataclasses import dataclass
from typing import Any

from explorer import plans
from explorer.plans import CostName

Pairs = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Wishes:
    """Block and width, and groups of blocks that share a width."""

    minimum: Pairs = ()
    maximum: Pairs = ()
    keep: Pairs = ()
    ties: tuple[tuple[str, ...], ...] = ()

    def options(self) -> dict[str, Any]:
        """As `plans.study_problem` takes them."""
        return {
            "minimum": dict(self.minimum),
            "maximum": dict(self.maximum),
            "keep": dict(self.keep),
            "ties": self.ties,
        }


@dataclass(frozen=True)
class Ask:
    """A question to the frontier.

    Attributes:
        menu: widths on offer.
        cost: the axis.
        damage: how Ω is measured.
        limits: cost and the most of it, in the unit of its table.
        first_last_at: width of the first and last block; 0: as the others.
        auto_ties: tie a residual's projection to its main path.
        monotone: only HAWQ-V2's set B.
        wishes: for single blocks.
    """

    menu: tuple[int, ...]
    cost: CostName = "size"
    damage: plans.Measure = "trace"
    limits: tuple[tuple[CostName, float], ...] = ()
    first_last_at: int = 0
    auto_ties: bool = False
    monotone: bool = False
    wishes: Wishes = Wishes()

    def options(self) -> dict[str, Any]:
        """As `plans.study_problem` takes them."""
        return {
            "bits": self.menu,
            "cost": self.cost,
            "damage": self.damage,
            "constraints": [plans.Limit(c, plans.Budget("at_most", most)) for c, most in self.limits],
            "first_last_at": self.first_last_at or None,
            "auto_ties": self.auto_ties,
            "monotone": self.monotone,
            **self.wishes.options(),
        }

    @property
    def restricted(self) -> bool:
        """Whether anything besides the menu restricts the plans."""
        return bool(
            self.limits or self.first_last_at or self.auto_ties or self.monotone or self.wishes != Wishes()
        )
