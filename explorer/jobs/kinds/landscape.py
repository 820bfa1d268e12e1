"""The run kind ``landscape``: the loss on a line or in a plane through the trained weights.

Parameters: ``block`` (null: all), ``directions``, ``dims``, ``points``, ``radius``, ``samples`` and ``bits``; the
seed is the spec's. Series ``slice``: the slice without its points, once when the directions are known and once
when the marks are. Series ``points``: what was measured since the point before, coarse to fine, as
`Slice.with_points` takes it. Keeps the directions as ``directions``.
"""

import time
from typing import Any

from explorer import landscape
from explorer.questions import LandscapeQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study

RECORD_SECONDS = 1.0
DIRECTIONS = "directions"


def run(study: Study, question: LandscapeQuestion, context: RunContext) -> dict[str, Any]:
    """Measure every point that an earlier attempt did not."""
    options: dict[str, Any] = question.options()
    record = _Record(context)
    found = landscape.measure_slice(
        study,
        progress=record.progress,
        should_stop=context.should_stop,
        resume=record.resume(),
        **options,
    )
    record.flush()
    context.check_stop()
    assert found is not None
    return found.to_json()


class _Record:
    """Writes a growing slice into the run, and reads it back."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._directions: str | None = None
        self._marks = -1
        self._points: dict[str, list[Any]] = {"at": [], "loss": [], "stderr": []}
        self._slice: landscape.Slice | None = None
        self._recorded = time.monotonic()

    def resume(self) -> landscape.Resume | None:
        """What an earlier attempt got to, if it got anywhere."""
        saved = self._context.restore()
        if saved is None:
            return None
        tensors = self._context.artifacts.get_tensors(saved.state[DIRECTIONS])
        named = [(key.partition(":"), tensor) for key, tensor in tensors.items()]
        measured = {name: array.tolist() for name, array in saved.arrays.items()}
        begun = landscape.Slice.from_json({**saved.state["slice"], **measured})
        vectors = tuple(
            {name: tensor for (number, _, name), tensor in named if int(number) == k}
            for k in range(begun.dims)
        )
        self._directions, self._marks = saved.state[DIRECTIONS], len(begun.marks)
        return landscape.Resume(begun, vectors)

    def progress(self, now: landscape.SliceProgress) -> None:
        self._context.report(now.fraction, now.message)
        if now.slice is None:
            return
        if self._directions is None:
            named = {
                f"{k}:{name}": part for k, each in enumerate(now.directions) for name, part in each.items()
            }
            self._directions = self._context.keep(DIRECTIONS, named)
        if len(now.slice.marks) != self._marks:
            self._marks = len(now.slice.marks)
            self._context.point("slice", now.slice.to_json(points=False))
        self._slice = now.slice
        for key, values in now.points.items():
            self._points[key] += values
        if time.monotonic() - self._recorded >= RECORD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Record the points so far, and that an attempt after this one need not measure them."""
        self._recorded = time.monotonic()
        if self._slice is None:
            return
        if self._points["at"]:
            self._context.point("points", self._points)
            self._points = {"at": [], "loss": [], "stderr": []}
        now = self._slice
        arrays = {"loss": now.loss, "stderr": now.stderr, "measured": now.measured}
        state = {DIRECTIONS: self._directions, "slice": now.to_json(points=False)}
        self._context.save(arrays, state)
