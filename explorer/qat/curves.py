"""Points of the training curves: means over the batches since the last one."""

from dataclasses import dataclass

from explorer.estimates import RunningMean
from explorer.qat.stepping import Outcome


@dataclass(frozen=True)
class TrainingPoint:
    """One point of the curves.

    Attributes:
        epoch: epochs done, fractional within an epoch.
        loss: mean training loss over the batches since the last point.
        accuracy: share of those training images right, None where the targets are no classes.
    """

    epoch: float
    loss: float
    accuracy: float | None


class Window:
    """Means since the last point, weighed by samples."""

    def __init__(self) -> None:
        self.loss, self.right, self.classes = RunningMean(), 0, True

    def add(self, outcome: Outcome) -> None:
        """Take a batch in."""
        self.loss.add(outcome.loss, outcome.samples)
        self.classes = self.classes and outcome.right is not None
        self.right += outcome.right or 0

    def point(self, epoch: float) -> TrainingPoint:
        """The point of all batches so far."""
        accuracy = self.right / self.loss.samples if self.classes else None
        return TrainingPoint(epoch, self.loss.value, accuracy)
