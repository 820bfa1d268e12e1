"""L(Δ) with a memory: the best steps so far, and how a joint method came to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Objective, Part


@dataclass(frozen=True)
class PathPoint:
    """Steps that were better than all before.

    Attributes:
        steps: float32 (sites,).
        loss: on all calibration images.
        evaluations, forward_equivalents: spent on the phase until then.
    """

    steps: Array
    loss: float
    evaluations: int
    forward_equivalents: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "steps": [float(step) for step in self.steps]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> PathPoint:
        """What `to_json` wrote."""
        return cls(**{**content, "steps": np.array(content["steps"], np.float32)})


class Trail:
    """What a joint method evaluates through.

    Args:
        start: where it begins; its loss is the first to beat.
        on_evaluation: told after every evaluation.
        on_better: told of every point of the path, the start included.
    """

    def __init__(
        self,
        objective: Objective,
        start: Array,
        *,
        on_evaluation: Callable[[], None] | None = None,
        on_better: Callable[[PathPoint], None] | None = None,
    ) -> None:
        self.objective = objective
        self.start = np.asarray(start, np.float32)
        self._on_evaluation = on_evaluation or (lambda: None)
        self._on_better = on_better or (lambda _: None)
        self._before = objective.evaluations, objective.forward_equivalents
        self.path: list[PathPoint] = []
        self.loss(self.start)

    @property
    def best(self) -> PathPoint:
        """The last point of the path."""
        return self.path[-1]

    @property
    def spent(self) -> tuple[int, float]:
        """Evaluations and forward equivalents of the phase."""
        evaluations, equivalents = self._before
        return self.objective.evaluations - evaluations, self.objective.forward_equivalents - equivalents

    def loss(self, steps: Array) -> float:
        """L(Δ), noted if it is the best so far."""
        return self._noted(steps, self.objective.loss(steps))

    def losses(self, steps: Array) -> Array:
        """The loss of every image, float64 (images,); their mean is noted as `loss` does."""
        found = self.objective.losses(steps)
        self._noted(steps, self.objective.loss(steps))
        return found

    def loss_of(self, steps: Array, part: Part) -> float:
        """The mean loss over a part of the images, which is not noted."""
        found = self.objective.loss(steps, part)
        self._on_evaluation()
        return found

    def slope(self, steps: Array, part: Part) -> Array:
        """Its derivative by log step."""
        found = self.objective.gradient(steps, part)[1]
        self._on_evaluation()
        return found

    def _noted(self, steps: Array, loss: float) -> float:
        if not self.path or loss < self.best.loss:
            self.path.append(PathPoint(np.array(steps, np.float32), loss, *self.spent))
            self._on_better(self.best)
        self._on_evaluation()
        return loss
