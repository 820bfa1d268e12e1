"""Steps tried by hand: what they are worth on a few calibration images, at once.

The images are the first of the same draw that the search uses (`objective`). A difference between two tries is
paired over the images, so its error is far smaller than that of either loss.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np
import torch

from explorer.estimates import Estimate, mean, paired
from explorer.evaluation.counting import apart, counted
from explorer.evaluation.per_sample import joined, score
from explorer.lapq.diagnostics.sweeps import site_tensor
from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Objective
from explorer.lapq.loss.sites import Site
from explorer.lapq.loss.widths import Widths
from explorer.lapq.phases.layerwise import layerwise_steps
from explorer.randomness import Stream, drawn_values
from explorer.studies.study import Study

VALUES = 1 << 16  # of a tensor that are shown


@dataclass(frozen=True, eq=False)
class Tried:
    """What steps are worth.

    Attributes:
        losses: of each image, float64 (images,).
        metric: the study's metric of each image, float64 (images,), of an accuracy whether it is right; None where
            it has none for these targets.
    """

    losses: Array
    metric: Array | None

    @property
    def loss(self) -> float:
        """Mean of the losses."""
        return float(self.losses.mean())

    @property
    def loss_stderr(self) -> float:
        """Its standard error."""
        return mean(self.losses).stderr

    @property
    def accuracy(self) -> float | None:
        """Share of the images right, in [0, 1]; None where there are no classes."""
        return None if self.metric is None else counted(torch.from_numpy(self.metric)).value

    @property
    def accuracy_stderr(self) -> float | None:
        """Its standard error."""
        return None if self.metric is None else counted(torch.from_numpy(self.metric)).stderr

    def above(self, other: Tried) -> Estimate:
        """By how much the loss is higher than of another try, and the standard error over images."""
        return paired(self.losses, other.losses)

    def better(self, other: Tried) -> Estimate | None:
        """By how much the accuracy is higher, likewise; None where there are no classes."""
        if self.metric is None or other.metric is None:
            return None
        return apart(torch.from_numpy(self.metric), torch.from_numpy(other.metric))


class Trial:
    """A network whose steps are set by hand; safe to share between threads.

    Args:
        images: calibration images that steps are tried on.
        calibration: images that tell which inputs are signed, as in the search; None: those that steps are tried on.
        options: as of `Objective`.

    Attributes:
        sites: one a step, in the order in which a forward pass meets them.

    Raises:
        LapqError: see `Objective`.
    """

    def __init__(
        self, study: Study, *, images: int = 128, calibration: int | None = None, **options: Any
    ) -> None:
        calibration = images if calibration is None else calibration
        self._objective = Objective(study, calibration=calibration, **options)
        self._part = self._objective.part(np.arange(min(images, len(self._objective.rows))))
        self._lock = Lock()

    @property
    def sites(self) -> tuple[Site, ...]:
        return self._objective.sites

    @property
    def widths(self) -> Widths | None:
        """Layer to the widths that a plan gives it; None without a plan."""
        return self._objective.widths

    @property
    def images(self) -> int:
        """How many images there are."""
        return self._part.samples

    def layerwise(self, p: float) -> dict[str, float]:
        """Site to the step of least L_p error."""
        with self._lock:
            steps = layerwise_steps(self._objective, p)
        return dict(zip(self._objective.names, map(float, steps), strict=True))

    def values(self, name: str) -> Array:
        """A weight, or the input of a layer of the FP32 network; of more than VALUES values a seeded draw."""
        with self._lock:
            flat = site_tensor(self._objective, name).flatten()
        found: Array = drawn_values(flat, VALUES, Stream.TENSOR_VALUES).numpy()
        return found

    def measure(self, steps: Mapping[str, float]) -> Tried:
        """Loss and accuracy with a step for every site."""
        asked = np.array([steps[name] for name in self._objective.names], np.float32)
        study = self._objective.study
        with self._lock:
            outputs = self._part.prefixes.outputs(asked, self._objective.check)
            parts = [
                score(out, targets, study.loss, study.metric)
                for out, (_, targets) in zip(outputs, self._part.batches, strict=True)
            ]
        found = joined(parts)
        return Tried(found.losses.numpy(), None if found.metric is None else found.metric.numpy())
