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

KINDS = ("cross_entropy", "token_cross_entropy", "mse", "bce_with_logits")
IGNORED = -100  # target of a token that does not count: padding, or the last one


@dataclass(frozen=True)
class Loss:
    """A loss of the network's outputs and the targets.

    Attributes:
        kind: ``cross_entropy``, ``token_cross_entropy`` (of a sequence: the mean over its tokens that count),
            ``mse``, ``bce_with_logits``, or the address of a factory (``net.py:loss``).
        label_smoothing: for the cross-entropies, in [0, 1).
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
            StudyError: a factory's loss does not give one value a sample, or a target is beyond the outputs.
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
        if self.kind in ("cross_entropy", "token_cross_entropy"):
            _check_classes(outputs, targets)
        if self.kind == "token_cross_entropy":
            each = F.cross_entropy(
                outputs.transpose(1, -1),
                targets,
                ignore_index=IGNORED,
                label_smoothing=self.label_smoothing,
                reduction="none",
            )
            counted = (targets != IGNORED).sum(1).clamp(min=1)
            return each.sum(1) / counted
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
    def unit(self) -> str:
        """What the loss is in: nats of a cross-entropy, else the name of its kind."""
        return "nats" if self.kind in ("cross_entropy", "token_cross_entropy") else self.kind

    @property
    def description(self) -> str:
        """One line that identifies the loss, part of a study's fingerprint."""
        return f"{self.kind} smoothing={self.label_smoothing} weights={self.class_weights}"


def _check_classes(outputs: Any, targets: Tensor) -> None:
    """Name a class that the network has no output for: PyTorch says so without a number, or not at all."""
    if not isinstance(outputs, Tensor) or outputs.ndim < 2 or targets.is_floating_point() or not len(targets):
        return
    classes = outputs.shape[-1 if outputs.ndim == 3 else 1]
    beyond = (targets >= classes) | ((targets < 0) & (targets != IGNORED))
    if outputs.device.type == "cpu" and beyond.any():
        raise StudyError(
            f"a target is the class {int(targets[beyond][0])} and the network has outputs for {classes} classes, from 0"
        )


def _like(outputs: Tensor, targets: Tensor) -> Tensor:
    """Class numbers become one-hot rows; anything else is taken as it is."""
    if targets.is_floating_point():
        return targets.to(outputs.dtype).view_as(outputs)
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return F.one_hot(targets, outputs.shape[1]).to(outputs.dtype)
    return targets.to(outputs.dtype).view_as(outputs)
