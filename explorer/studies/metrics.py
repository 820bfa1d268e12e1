"""What a study counts beside its loss: a value per sample, and which way is better.

A metric is averaged over samples as the loss is. Where targets are classes it is the share of samples that are
right; where it says nothing of the targets (a regression's), it is None throughout and only the loss is shown.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Metric:
    """A value per sample.

    Attributes:
        name: what its mean is called.
        per_sample: of outputs and targets, shape (N,); None where it cannot be told from them.
        higher_is_better: which way is better.
    """

    name: str
    per_sample: Callable[[Any, Tensor], Tensor | None]
    higher_is_better: bool = True

    def better(self, one: float, other: float) -> bool:
        """Whether ``one`` is better than ``other``."""
        return one > other if self.higher_is_better else one < other


def classified_rightly(outputs: Any, targets: Tensor) -> Tensor | None:
    """Whether the largest output is the target's class; None where there are no classes to tell."""
    if not isinstance(outputs, Tensor) or targets.is_floating_point():
        return None
    if outputs.ndim != 2 or outputs.shape[1] < 2:
        return None
    return outputs.argmax(1) == targets


ACCURACY = Metric("accuracy", classified_rightly)
