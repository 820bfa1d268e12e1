"""The run kind ``lapq``: the steps of all quantized tensors.

Options: those of `LapqQuestion`. Series ``p_curve``: a point
(``p``, ``loss``) for every p tried. Series ``path``: how the joint phase goes down, points as in the result. The
checkpoint is the journal of evaluations, so a run that goes on asks the same questions and has the answers; points
that an earlier attempt recorded are not recorded again.
"""

import time
from typing import Any

from explorer import lapq
from explorer.lapq import Journal, PathPoint
from explorer.questions import LapqQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study

CHECKPOINT_SECONDS = 5.0


def run(study: Study, question: LapqQuestion, context: RunContext) -> dict[str, Any]:
    """Go through the phases."""
    record = _Record(context)
    options: dict[str, Any] = question.options()
    found = lapq.optimise(
        study,
        watcher=record,
        should_stop=record.should_stop,
        journal=record.journal,
        **options,
    )
    return found.to_json()


class _Record:
    """Writes the phases into the run as they arrive."""

    def __init__(self, context: RunContext) -> None:
        saved = context.restore()
        self._context = context
        self._told = {"p_curve": 0, "path": 0} if saved is None else dict(saved.state["told"])
        self._seen = {"p_curve": 0, "path": 0}
        self._saved = time.monotonic()
        self.journal = (
            Journal() if saved is None else Journal.from_arrays(saved.arrays, saved.state["phases"])
        )
        self.report = context.report

    def p_point(self, p: float, loss: float) -> None:
        self._tell("p_curve", {"p": p, "loss": loss})

    def path_point(self, point: PathPoint) -> None:
        self._tell("path", point.to_json())

    def should_stop(self) -> bool:
        """Raises out of the search if it is to stop, with the journal safe."""
        if self._context.should_stop() or time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self._save()
        self._context.check_stop()
        return False

    def _tell(self, series: str, point: dict[str, Any]) -> None:
        self._seen[series] += 1
        if self._seen[series] > self._told[series]:
            self._context.point(series, point)
            self._told[series] += 1
            self._save()  # with the point, or an attempt after this one would tell it again

    def _save(self) -> None:
        state = {"phases": self.journal.phases, "told": self._told}
        self._context.save(self.journal.to_arrays(), state)
        self._saved = time.monotonic()
