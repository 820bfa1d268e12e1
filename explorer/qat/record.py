"""Record of a finished training: what is kept of it beside the trained tensors."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explorer.plans import PlanValue
from explorer.qat.held_out import LAST, Candidate


@dataclass(frozen=True)
class TrainingRecord:
    """A finished training.

    Attributes:
        before: value of the plan without training, on the test split.
        after: value of the network that was kept there.
        weights_artifact: SHA-256 of its tensors.
        plan: plan.json's content.
        seconds: of training, over all attempts.
        epochs: passes over the training samples; None where a version before did not record it.
        kept: which candidate it is.
        candidates: that were measured on samples held out of the training; none where nothing was held out.
        held_out: how many samples these are.
    """

    before: PlanValue
    after: PlanValue
    weights_artifact: str
    plan: Mapping[str, Any]
    seconds: float
    epochs: int | None = None
    kept: str = LAST
    candidates: tuple[Candidate, ...] = ()
    held_out: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **asdict(self),
            "before": self.before.to_json(),
            "after": self.after.to_json(),
            "candidates": [each.to_json() for each in self.candidates],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "TrainingRecord":
        """The inverse of ``to_json``, and what a version before wrote."""
        values = {name: PlanValue.from_json(content[name]) for name in ("before", "after")}
        candidates = tuple(Candidate.from_json(each) for each in content.get("candidates", ()))
        return cls(**{**content, **values, "candidates": candidates})
