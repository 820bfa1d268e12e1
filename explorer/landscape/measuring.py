"""The loss of every sample with the weights somewhere else; what comes before the moved layers is replayed."""

import torch
from torch import Tensor

from explorer.curvature.estimators.choice import chunk_size
from explorer.estimates import mean, paired
from explorer.evaluation.per_sample import joined, score
from explorer.landscape.target import Target, Vector
from explorer.replay import Batch, Replay
from explorer.watching import Watcher

_MOST_SAMPLES = 128  # at once


class Meter:
    """Per-sample losses of a target's network.

    Attributes:
        centre: (N,) float64, the losses at the trained weights.
        forwards: times all losses were computed.
    """

    def __init__(self, target: Target, watcher: Watcher) -> None:
        self._target = target
        self._watcher = watcher
        self._replay = Replay(target.subject.model, target.parameters.values())
        self._batches: list[tuple[Batch, Tensor]] = []
        self._size = target.subject.size
        self._population = target.subject.study.data.size("train")
        self.forwards = 1
        self.centre = self._record()

    @property
    def equivalents(self) -> float:
        """Work so far in full forward passes over all samples."""
        return self._replay.samples_computed / self._size

    @property
    def replay(self) -> Replay:
        """Replay of the part before the moved layers."""
        return self._replay

    def losses(self, weights: Vector) -> Tensor:
        """Losses with the target's weights at these values, (N,) float64.

        Raises:
            Stopped: the watcher asked for it.
        """
        self.forwards += 1
        self._target.place(weights)
        found = []
        try:
            for batch, targets in self._batches:
                self._watcher.check_stop()
                found.append(score(batch.outputs(), targets, self._target.subject.loss))
        finally:
            self._target.place(self._target.centre)
        return joined(found).losses

    @property
    def centre_error(self) -> float:
        """Sampling error of the loss at the centre."""
        return mean(self.centre, self._population).stderr

    def compared(self, losses: Tensor) -> tuple[float, float]:
        """Mean loss, and the standard error of its difference from the centre, paired over samples."""
        return float(losses.mean()), paired(losses, self.centre, self._population).stderr

    def _record(self) -> Tensor:
        subject = self._target.subject
        found = []
        size = min(_MOST_SAMPLES, 2 * chunk_size(subject))
        for _, inputs, targets in subject.chunks(torch.arange(subject.size), size):
            batch = self._replay.batch(inputs)
            found.append(score(batch.recorded, targets, subject.loss))
            batch.recorded = None
            self._batches.append((batch, targets))
        return joined(found).losses
