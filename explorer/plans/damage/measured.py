"""Damage that was measured with a network, and what it was measured by."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explorer.plans.damage.omega import DamageTable
from explorer.quantizers.settings import QuantizerSettings


@dataclass(frozen=True)
class MeasuredDamage:
    """Table of the damage of every width of every block.

    Attributes:
        study: its name.
        measure: ``product``, ``lambda-max``, ``activation`` or ``activation-product``.
        granularity: of the blocks.
        samples: training samples it is a mean over; 0 for ``activation``, whose traces have their own number.
        quantizer: of the weights.
        table: the damage; for activations only its part about them.
        seconds: of computing.
    """

    study: str
    measure: str
    granularity: str
    samples: int
    quantizer: QuantizerSettings
    table: DamageTable
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "quantizer": asdict(self.quantizer), "table": self.table.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "MeasuredDamage":
        """The inverse of ``to_json``."""
        quantizer = QuantizerSettings(**content["quantizer"])
        return cls(**{**content, "quantizer": quantizer, "table": DamageTable.from_json(content["table"])})
