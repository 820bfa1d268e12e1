"""A plan among others, with what it costs and the damage it is predicted to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from explorer.blocks import Block
from explorer.plans.plan.plan import BlockBits, Plan, StudyIdentity, check_names


@dataclass(frozen=True)
class Point:
    """One plan.

    Attributes:
        index: its place among its like, 0 being the cheapest.
        cost: in the table's unit; an int where it is whole.
        omega: Ω.
        bits: block to weight bits, in depth order.
        a_bits: block to activation bits.
        joint: whether the activations' widths were chosen, not given.
    """

    index: int
    cost: int | float
    omega: float
    bits: dict[str, int]
    a_bits: dict[str, int]
    joint: bool = False

    def plan(self, study: StudyIdentity, blocks: Sequence[Block], *, name: str = "") -> Plan:
        """This point as a plan of the study.

        Raises:
            PlanError: the blocks are not those it was made for.
        """
        check_names(self.bits, blocks, study.name)
        bits = {block.name: BlockBits(self.bits[block.name], self.a_bits[block.name]) for block in blocks}
        return Plan(study.name, study.weights_sha256, bits, name)

    def to_json(self) -> dict[str, Any]:
        """The contract of the command line; ``a_bits`` is there where they were chosen."""
        content: dict[str, Any] = {"cost": self.cost, "omega": self.omega, "bits": self.bits}
        return content | {"a_bits": self.a_bits} if self.joint else content
