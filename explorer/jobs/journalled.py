"""What runs on a journal of evaluations share: a computation that goes on asks the same and has the answers.

Points of a series that an earlier attempt recorded are not recorded again: attempts tell the same points in the same
order, so they are counted.
"""

import time
from typing import Any

from explorer.lapq import Journal
from explorer.runs.context import RunContext

CHECKPOINT_SECONDS = 5.0


class Keeper:
    """A run's journal, kept in its checkpoints, and the points that it told.

    Attributes:
        journal: as an earlier attempt left it.
        state: further plain data of the checkpoint.
    """

    def __init__(self, context: RunContext) -> None:
        saved = context.restore()
        self._context = context
        self._saved = time.monotonic()
        self._told: dict[str, int] = {} if saved is None else dict(saved.state["told"])
        self._seen: dict[str, int] = {}
        self.state: dict[str, Any] = {} if saved is None else dict(saved.state["more"])
        self.journal = (
            Journal() if saved is None else Journal.from_arrays(saved.arrays, saved.state["phases"])
        )

    def should_stop(self) -> bool:
        """Raises out of the computation if it is to stop, with the journal safe."""
        if self._context.should_stop() or time.monotonic() - self._saved >= CHECKPOINT_SECONDS:
            self.save()
        self._context.check_stop()
        return False

    def is_new(self, series: str) -> bool:
        """Count one more point of a series; whether no earlier attempt recorded it."""
        self._seen[series] = self._seen.get(series, 0) + 1
        return self._seen[series] > self._told.get(series, 0)

    def tell(self, series: str, content: dict[str, Any], *, points: int = 1) -> None:
        """Record new points of a series, and that they are recorded."""
        self._context.point(series, content)
        self._told[series] = self._told.get(series, 0) + points
        self.save()

    def save(self) -> None:
        """Checkpoint."""
        state = {"phases": self.journal.phases, "told": self._told, "more": self.state}
        self._context.save(self.journal.to_arrays(), state)
        self._saved = time.monotonic()
