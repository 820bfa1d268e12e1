"""What a person asks of the frontier, as plain data: equal questions have equal answers, so it is a key of caches."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from explorer import plans
from explorer.blocks import Block
from explorer.plans import CostName, CostTable, DamageTable

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
        a_menu: activation widths to choose from; empty: all 8 bits, or as the weights where a cost asks.
        scales: whether a size counts the steps of the quantizers.
        latencies: a table of one's own, as the text of its CSV.
    """

    menu: tuple[int, ...]
    cost: CostName = "size"
    damage: plans.Measure = "trace"
    limits: tuple[tuple[CostName, float], ...] = ()
    first_last_at: int = 0
    auto_ties: bool = False
    monotone: bool = False
    wishes: Wishes = Wishes()
    a_menu: tuple[int, ...] = ()
    scales: bool = False
    latencies: str = ""

    def options(self, blocks: Sequence[Block], table: DamageTable | None = None) -> dict[str, Any]:
        """As `plans.study_problem` takes them.

        Args:
            blocks: that a table of latencies is of.
            table: the damage where it was measured.

        Raises:
            PlanError: a line of the latencies is wrong.
        """
        own: CostName | CostTable = "latency"
        if self.latencies:
            own = plans.read_latency_csv(self.latencies.encode(), blocks)

        def cost(name: CostName) -> CostName | CostTable:
            return own if name == "latency" else name

        return {
            "bits": self.menu,
            "cost": cost(self.cost),
            "damage": table or self.damage,
            "constraints": [plans.Limit(cost(c), plans.Budget("at_most", most)) for c, most in self.limits],
            "a_menu": self.a_menu,
            "scales": self.scales,
            "first_last_at": self.first_last_at or None,
            "auto_ties": self.auto_ties,
            "monotone": self.monotone,
            **self.wishes.options(),
        }
