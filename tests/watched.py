"""A watcher for tests: it remembers what it is told, keeps the last state, and stops when it is time."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.watching import Stopped, Unwatched


@dataclass(frozen=True)
class State:
    """What was saved last."""

    state: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        return {name: tensor.numpy() for name, tensor in self.tensors.items()}


class Watched(Unwatched):
    """Keeps all that a computation tells.

    Args:
        stop: whether to stop, given how often that was asked before.
        begun: state of an earlier attempt.

    Attributes:
        reports: fractions and messages.
        points: series and values.
        states: all that were saved.
    """

    def __init__(self, stop: Callable[[int], bool] = lambda _: False, begun: State | None = None) -> None:
        self._stop, self._begun, self._asked = stop, begun, 0
        self.reports: list[tuple[float, str]] = []
        self.points: list[tuple[str, Mapping[str, Any]]] = []
        self.states: list[State] = []

    def report(self, fraction: float, message: str = "") -> None:
        self.reports.append((fraction, message))

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        self.points.append((series, values))

    def check_stop(self) -> None:
        self._asked += 1
        if self._stop(self._asked - 1):
            raise Stopped

    def save(self, tensors: Mapping[str, Tensor | np.ndarray], state: Mapping[str, Any]) -> None:
        own = {name: torch.as_tensor(tensor).clone() for name, tensor in tensors.items()}
        self.states.append(State(state, own))

    def restore(self) -> State | None:
        return self._begun

    def series(self, name: str) -> list[Mapping[str, Any]]:
        """Values of one series."""
        return [values for series, values in self.points if series == name]

    @property
    def fractions(self) -> list[float]:
        """Shares of the work as they were reported."""
        return [fraction for fraction, _ in self.reports]
