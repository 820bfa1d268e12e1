"""The run kind ``landscape``: the loss on a line or in a plane through the trained weights.

Options: those of `LandscapeQuestion`. Series ``slice`` and ``points``: see `explorer.landscape.recording`. Keeps
the directions, once, as the artifact ``directions``; they are as large as the network, so no checkpoint has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from explorer.landscape import Slice, measure_slice
from explorer.questions import LandscapeQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.watching import Saved, Through

DIRECTIONS = "directions"


def run(study: Study, question: LandscapeQuestion, context: RunContext) -> Slice:
    """Measure every point that an earlier attempt did not."""
    return measure_slice(study, question, watcher=_DirectionsApart(context))


@dataclass(frozen=True)
class _Checkpoint:
    state: Mapping[str, Any]
    tensors: Mapping[str, Tensor]

    @property
    def arrays(self) -> Mapping[str, np.ndarray]:
        return {name: tensor.numpy() for name, tensor in self.tensors.items()}


class _DirectionsApart(Through):
    """A run's context, but that tensors of directions go into an artifact that every checkpoint names."""

    def __init__(self, context: RunContext) -> None:
        super().__init__(context)
        self._context = context
        self._sha256: str | None = None

    def save(self, tensors: Mapping[str, Tensor | np.ndarray], state: Mapping[str, Any]) -> None:
        if self._sha256 is None:
            directions = {name: tensor for name, tensor in tensors.items() if ":" in name}
            self._sha256 = self._context.keep(DIRECTIONS, directions)
        measured = {name: tensor for name, tensor in tensors.items() if ":" not in name}
        self._context.save(measured, {**state, DIRECTIONS: self._sha256})

    def restore(self) -> Saved | None:
        saved = self._context.restore()
        if saved is None:
            return None
        self._sha256 = str(saved.state[DIRECTIONS])
        directions = self._context.artifacts.get_tensors(self._sha256)
        return _Checkpoint(saved.state, {**saved.tensors, **directions})
