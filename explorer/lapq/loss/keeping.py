"""Going on after an interruption: a journal that is saved through the watcher of a computation.

Asked again, a computation asks for the same evaluations, which the journal of the earlier attempt answers. Points of
a series that an earlier attempt recorded are not recorded again: attempts tell the same points in the same order, so
they are counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explorer.lapq.loss.journal import Journal
from explorer.watching import Every, Stopped, Through, Watcher

CHECKPOINT_SECONDS = 5.0


class Keeper(Through):
    """A watcher whose states are a journal, the count of the points told, and some plain data.

    Attributes:
        journal: as an earlier attempt left it.
        state: further plain data to go on from.
    """

    def __init__(self, watcher: Watcher) -> None:
        super().__init__(watcher)
        saved = watcher.restore()
        state: Mapping[str, Any] = {} if saved is None else saved.state
        self._every = Every(CHECKPOINT_SECONDS)
        self._told: dict[str, int] = dict(state.get("told", {}))
        self._seen: dict[str, int] = {}
        self.state: dict[str, Any] = dict(state.get("more", {}))
        self.journal = (
            Journal() if saved is None else Journal.from_arrays(saved.arrays, saved.state["phases"])
        )

    def check_stop(self) -> None:
        """Stop if that is wished, with the journal safe; keep it every few seconds."""
        try:
            super().check_stop()
        except Stopped:
            self.keep()
            raise
        if self._every.due():
            self.keep()

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        """Record the next point of a series unless an earlier attempt did."""
        if self.is_new(series):
            self.tell(series, values)

    def is_new(self, series: str) -> bool:
        """Count one more point of a series; whether no earlier attempt recorded it."""
        self._seen[series] = self._seen.get(series, 0) + 1
        return self._seen[series] > self._told.get(series, 0)

    def tell(self, series: str, values: Mapping[str, Any], *, points: int = 1) -> None:
        """Record new points of a series, and that they are recorded: a later attempt would tell them again."""
        super().point(series, values)
        self._told[series] = self._told.get(series, 0) + points
        self.keep()

    def keep(self) -> None:
        """Save what to go on from."""
        state = {"phases": self.journal.phases, "told": dict(self._told), "more": dict(self.state)}
        self.save(self.journal.to_arrays(), state)
