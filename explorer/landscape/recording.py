"""Record of a slice that grows: what a watcher is told of it, and the state from which it goes on.

Series ``slice``: the slice without its points, once when the directions are known and once when the marks are.
Series ``points``: what was measured since the point before, coarse to fine, as `Slice.with_points` takes it. The
state holds the slice, what was measured, and the directions as tensors ``0:parameter`` and ``1:parameter``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explorer.landscape.grid import Index
from explorer.landscape.result import Slice
from explorer.landscape.target import Vector
from explorer.watching import Every, Watcher

RECORD_SECONDS = 1.0  # between two points of the series, and two saved states


@dataclass(frozen=True, eq=False)
class Begun:
    """Slice of an interrupted attempt, and its directions."""

    slice: Slice
    directions: tuple[Mapping[str, Tensor], ...]


def restored(watcher: Watcher) -> Begun | None:
    """Slice that the watcher kept, if an earlier attempt got anywhere."""
    saved = watcher.restore()
    if saved is None:
        return None
    measured = {name: saved.tensors[name].tolist() for name in ("loss", "stderr", "measured")}
    begun = Slice.from_json({**saved.state["slice"], **measured})
    named = [(key.partition(":"), tensor) for key, tensor in saved.tensors.items() if ":" in key]
    directions = tuple(
        {name: tensor for (number, _, name), tensor in named if int(number) == k} for k in range(begun.dims)
    )
    return Begun(begun, directions)


class Record:
    """Account of a growing slice to a watcher.

    Args:
        directions: unit vectors by dotted parameter name.
        begun: slice of an interrupted attempt, of which the watcher was told already.
    """

    def __init__(self, watcher: Watcher, directions: tuple[Vector, ...], begun: Slice | None) -> None:
        self._watcher = watcher
        self._directions = {
            f"{k}:{name}": part for k, each in enumerate(directions) for name, part in each.items()
        }
        self._due = Every(RECORD_SECONDS).due
        self._slice = begun
        self._new: dict[str, list[Any]] = {"at": [], "loss": [], "stderr": []}

    def tell(self, fraction: float, message: str, now: Slice, at: Index | None = None) -> None:
        """Report how far the slice is, with the point that was measured since the last time, if one was."""
        self._watcher.report(fraction, message)
        first = self._slice is None
        if self._slice is None or len(now.marks) != len(self._slice.marks):
            self._watcher.point("slice", now.to_json(points=False))
        self._slice = now
        if at is not None:
            self._new["at"].append(list(at))
            self._new["loss"].append(float(now.loss[at]))
            self._new["stderr"].append(float(now.stderr[at]))
        if first or self._due():
            self.flush()

    def flush(self) -> None:
        """Tell the points so far, and keep them so that an attempt after this one need not measure them."""
        now = self._slice
        if now is None:
            return
        if self._new["at"]:
            self._watcher.point("points", self._new)
            self._new = {"at": [], "loss": [], "stderr": []}
        arrays = {"loss": now.loss, "stderr": now.stderr, "measured": now.measured}
        measured = {name: torch.from_numpy(array) for name, array in arrays.items()}
        self._watcher.save({**measured, **self._directions}, {"slice": now.to_json(points=False)})
