"""Record of a finished training: what is kept of it beside the trained tensors."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explorer.plans import PlanValue


@dataclass(frozen=True)
class TrainingRecord:
    """A finished training.

    Attributes:
        before: value of the plan without training, on the test split.
        after: value of the trained network there.
        weights_artifact: SHA-256 of the trained tensors.
        plan: plan.json's content.
        seconds: of training, over all attempts.
    """

    before: PlanValue
    after: PlanValue
    weights_artifact: str
    plan: Mapping[str, Any]
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**asdict(self), "before": self.before.to_json(), "after": self.after.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "TrainingRecord":
        """The inverse of ``to_json``."""
        values = {name: PlanValue.from_json(content[name]) for name in ("before", "after")}
        return cls(**{**content, **values})
