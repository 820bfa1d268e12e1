"""Points of the training curves: means over the batches since the last one."""

from dataclasses import dataclass

from explorer.estimates import RunningMean
from explorer.qat.stepping import Outcome


@dataclass(frozen=True)
class TrainingPoint:
    """One point of the curves.

    Attributes:
        epoch: epochs done, fractional within an epoch.
        loss: mean of the study's loss over the training batches since the last point.
        accuracy: mean of the study's metric over those training samples; None where it says nothing of the targets.
        learning_rate: of the last step.
    """

    epoch: float
    loss: float
    accuracy: float | None
    learning_rate: float


class Window:
    """Means since the last point, weighed by samples."""

    def __init__(self) -> None:
        self.loss, self.metric, self.known, self.rate = RunningMean(), 0.0, True, 0.0

    def add(self, outcome: Outcome) -> None:
        """Take a batch in."""
        self.loss.add(outcome.loss, outcome.samples)
        self.known = self.known and outcome.metric is not None
        self.metric += outcome.metric or 0.0
        self.rate = outcome.learning_rate

    def point(self, epoch: float) -> TrainingPoint:
        """The point of all batches so far."""
        accuracy = self.metric / self.loss.samples if self.known else None
        return TrainingPoint(epoch, self.loss.value, accuracy, self.rate)
