"""The run kind ``lapq_surface``: the loss over two step sizes.

Parameters: ``first`` and ``second``, names of sites, and those of `LapqSurfaceQuestion`; the
seed is the spec's. Series ``surface``: the surface without its points, once its marks are known. Series ``points``:
what was measured since the point before, coarse to fine, as `Surface.with_points` takes it.
"""

import time
from typing import Any

from explorer.jobs.journalled import Keeper
from explorer.jobs.timing import TimeLeft
from explorer.lapq.diagnostics.surfaces import SurfaceProgress, measure_surface
from explorer.questions import LapqSurfaceQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study

RECORD_SECONDS = 1.0


def run(study: Study, question: LapqSurfaceQuestion, context: RunContext) -> dict[str, Any]:
    """Measure every point that an earlier attempt did not."""
    record = _Record(context)
    options: dict[str, Any] = question.options()
    found = measure_surface(
        study,
        options.pop("first"),
        options.pop("second"),
        journal=record.keeper.journal,
        progress=record.progress,
        should_stop=record.keeper.should_stop,
        **options,
    )
    record.flush()
    return found.to_json()


class _Record:
    """Writes a growing surface into the run."""

    def __init__(self, context: RunContext) -> None:
        self.keeper = Keeper(context)
        self._context, self._left = context, TimeLeft()
        self._points: dict[str, list[Any]] = {"at": [], "loss": []}
        self._recorded = time.monotonic()

    def progress(self, now: SurfaceProgress) -> None:
        self._context.report(now.fraction, f"{now.message}{self._left(now.fraction)}")
        if now.surface is None:
            return
        if not now.points:
            if self.keeper.is_new("surface"):
                self.keeper.tell("surface", now.surface.to_json(points=False))
            return
        if self.keeper.is_new("points"):
            for key, values in now.points.items():
                self._points[key] += values
        if time.monotonic() - self._recorded >= RECORD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Record the points so far."""
        self._recorded = time.monotonic()
        if self._points["at"]:
            points, self._points = self._points, {"at": [], "loss": []}
            self.keeper.tell("points", points, points=len(points["at"]))
