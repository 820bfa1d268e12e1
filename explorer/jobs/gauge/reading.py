"""What is known of a plan's loss and accuracy after some of the samples."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from explorer.estimates import mean, paired
from explorer.evaluation import PerSample
from explorer.evaluation.counting import apart, counted


@dataclass(frozen=True)
class Reading:
    """Loss and metric of a plan without training, on a part of the samples that is evenly spread.

    Attributes:
        samples: how many were measured.
        of: how many the split has.
        loss, loss_stderr: mean and its standard error.
        rise, rise_stderr: of the loss over that of FP32 on the same samples, paired.
        accuracy, accuracy_stderr: the study's metric, as `explorer.evaluation.Evaluation` has it; None without one.
        change, change_stderr: of the metric from that of FP32 on the same samples, paired.
        ended: whether no more samples are going to be measured: all were, or the time for one plan is over.
    """

    samples: int
    of: int
    loss: float
    loss_stderr: float
    rise: float
    rise_stderr: float
    accuracy: float | None
    accuracy_stderr: float | None
    change: float | None
    change_stderr: float | None
    ended: bool

    @classmethod
    def of_samples(cls, plan: PerSample, fp32: PerSample, *, of: int) -> "Reading":
        """The means over samples that both were measured on, so far."""
        loss, rise = mean(plan.losses), paired(plan.losses, fp32.losses)
        metric: tuple[float | None, float | None] = (None, None)
        change = metric
        if plan.metric is not None and fp32.metric is not None:
            metric, change = counted(plan.metric), apart(plan.metric, fp32.metric)
        return cls(len(plan), of, *loss, *rise, *metric, *change, ended=False)

    @property
    def complete(self) -> bool:
        """Whether every sample of the split was measured."""
        return self.samples == self.of

    def as_last(self) -> "Reading":
        """The same, after which no more samples are measured."""
        return replace(self, ended=True)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Reading":
        """The inverse of ``to_json``."""
        return cls(**content)


@dataclass(frozen=True)
class Failure:
    """A plan that could not be measured, and why, in a sentence."""

    why: str
