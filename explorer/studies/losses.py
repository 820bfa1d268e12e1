"""Losses of a study, per sample and averaged.

Every loss is defined by its value for one sample; the mean over a set of samples weighs every sample equally,
whatever the batches were.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.errors import StudyError

KINDS = ("cross_entropy", "mse", "bce_with_logits")


@dataclass(frozen=True)
class Loss:
    """A loss of the network's outputs and the targets.

    Attributes:
        kind: ``cross_entropy``, ``mse``, ``bce_with_logits``, or the address of a factory (``net.py:loss``).
        label_smoothing: for cross-entropy, in [0, 1).
        class_weights: for cross-entropy, one factor a class; the mean divides by the number of samples.
        function: for a factory, ``function(outputs, targets)`` giving one value a sample, shape (N,).
    """

    kind: str
    label_smoothing: float = 0.0
    class_weights: tuple[float, ...] | None = None
    function: Callable[[Tensor, Tensor], Any] | None = None  # what a person's own returns is checked

    def per_sample(self, outputs: Any, targets: Tensor) -> Tensor:
        """The loss of each sample, shape (N,).

        Raises:
            StudyError: a factory's loss does not give one value a sample.
        """
        if self.function is not None:
            values = self.function(outputs, targets)
            if not isinstance(values, Tensor) or values.shape != (len(targets),):
                given = (
                    f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
                )
                raise StudyError(
                    f"the loss {self.kind} gives {given} for {len(targets)} samples; "
                    f"return one value a sample, as reduction='none' does"
                )
            return values
        if self.kind == "cross_entropy":
            weights = self.class_weights
            return F.cross_entropy(
                outputs,
                targets,
                weight=None
                if weights is None
                else torch.tensor(weights, dtype=outputs.dtype, device=outputs.device),
                label_smoothing=self.label_smoothing,
                reduction="none",
            )
        measured = F.mse_loss if self.kind == "mse" else F.binary_cross_entropy_with_logits
        values = measured(outputs, _like(outputs, targets), reduction="none")
        return values.reshape(len(values), -1).mean(1)

    def __call__(self, outputs: Any, targets: Tensor) -> Tensor:
        """Mean over the samples, a scalar."""
        return self.per_sample(outputs, targets).mean()

    @property
    def description(self) -> str:
        """One line that identifies the loss, part of a study's fingerprint."""
        return f"{self.kind} smoothing={self.label_smoothing} weights={self.class_weights}"


def _like(outputs: Tensor, targets: Tensor) -> Tensor:
    """Class numbers become one-hot rows; anything else is taken as it is."""
    if targets.is_floating_point():
        return targets.to(outputs.dtype).view_as(outputs)
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return F.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
    return targets.to(outputs.dtype).view_as(outputs)
