"""What training could afford: whether the trained plan leaves room for a smaller one, and which would be next.

A plan is chosen for what it is worth without training. Trained, it loses less; where what it then loses is below the
wish by more than two standard errors, a smaller plan may keep the wish once it is trained. Which it is only training
says: the next smaller plan that the search looked at is the first to try.

The errors of both accuracies are added as if they were of different images, which is too much: how each image fared
under the untrained network is not in a training's result.
"""

import math
from dataclasses import dataclass

from explorer.choosing.drops import Drop
from explorer.choosing.result import Choice, Tried, points, share


@dataclass(frozen=True)
class Afforded:
    """What a training of the chosen plan says about smaller ones.

    Attributes:
        lost: of FP32's accuracy after training, on the test split.
        room: whether that is below the wish by more than two standard errors.
        next: the largest smaller plan that the search looked at; None where there is none.
    """

    lost: Drop
    room: bool
    next: Tried | None

    @property
    def sentence(self) -> str:
        """What is said of it."""
        lost = f"after training it loses {points(self.lost)} points"
        if not self.room:
            return f"{lost}, which leaves no room for a smaller plan"
        if self.next is None:
            return f"{lost}, and no smaller plan was looked at"
        return (
            f"{lost}, so training may afford a smaller plan: the next one that was looked at costs "
            f"{self.next.cost:,.6g} and lost {share(self.next.value)} points untrained"
        )


def afforded(choice: Choice, accuracy: float, stderr: float) -> Afforded:
    """What a training of the chosen plan says about smaller ones.

    Args:
        accuracy, stderr: after training, on the test split.
    """
    many = choice.measured.samples
    own = math.sqrt(choice.fp32_accuracy * (1 - choice.fp32_accuracy) / many)
    lost = Drop(choice.fp32_accuracy - accuracy, math.hypot(own, stderr), many)
    smaller = [each for each in choice.tried if each.stage == "search" and each.cost < choice.cost]
    largest = max(smaller, key=lambda each: each.cost, default=None)
    return Afforded(lost, lost.upper() < choice.max_drop, largest)
