"""A watcher that can stop a training and hand its checkpoints to the next attempt, as a store would."""

from collections import defaultdict
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from explorer.questions import FinetuneQuestion

PLAIN: Mapping[str, Any] = {
    name: value for name, value in FinetuneQuestion.VERSION_1.items() if name != "epochs"
}  # the loop without a teacher, a warm-up, samples held out or anything after the last step


class Interrupted(Exception):
    """What this watcher raises to stop a training, as a cancelled run's context does."""


@dataclass(frozen=True)
class Kept:
    """One checkpoint."""

    state: dict[str, Any]
    tensors: dict[str, Tensor]

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        return {name: value.numpy() for name, value in self.tensors.items()}


class Recorder:
    """Keeps the points and the last checkpoint; stops at a given call of ``check_stop`` once training began.

    ``before``, the attempt that this one goes on from, gives its last checkpoint and the points up to it.
    """

    def __init__(self, *, stop_at: int | None = None, before: "Recorder | None" = None) -> None:
        self.points: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.fractions: list[float] = []
        self.messages: list[str] = []
        self.saves = 0
        self._stop_at, self._calls, self._training = stop_at, 0, False
        self._saved: Kept | None = None
        self._lengths: dict[str, int] = {}
        if before is not None:
            self._saved, self._lengths = deepcopy(before._saved), dict(before._lengths)
            for name, length in self._lengths.items():
                self.points[name] = before.points[name][:length]

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        if series != "speed":  # no two trainings are equally fast
            self.points[series].append(dict(values))

    def report(self, fraction: float, message: str = "") -> None:
        self.fractions.append(fraction)
        self.messages.append(message)
        self._training = self._training or message.startswith("epoch")

    def check_stop(self) -> None:
        self._calls += self._training
        if self._stop_at is not None and self._calls >= self._stop_at:
            raise Interrupted

    def save(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        self.saves += 1
        self._saved = Kept(dict(state), {name: value.clone() for name, value in tensors.items()})
        self._lengths = {name: len(points) for name, points in self.points.items()}

    def restore(self) -> Kept | None:
        return self._saved
