"""Watching a computation: telling how far it is, what it found so far, and ending it when that is wished.

Every long computation takes a `Watcher`. It calls `Watcher.report` and `Watcher.check_stop` often, `Watcher.point`
for what can be shown before the end, and `Watcher.save` whenever it has got somewhere; it begins with
`Watcher.restore` and reaches the same numbers from there as without the interruption. A run's context is a watcher;
a script or a notebook uses `UNWATCHED` or one of its own.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:  # torch takes seconds to import; the store and a small worker do without it
    import numpy as np
    from torch import Tensor


class Stopped(Exception):
    """Signal that a computation ends early because it was asked to."""


class Saved(Protocol):
    """State a computation goes on from, as it was given to `Watcher.save`."""

    @property
    def state(self) -> Mapping[str, Any]: ...

    @property
    def tensors(self) -> "Mapping[str, Tensor]": ...

    @property
    def arrays(self) -> "Mapping[str, np.ndarray]": ...


class Watcher(Protocol):
    """Whoever watches a computation and may stop it."""

    def report(self, fraction: float, message: str = "") -> None:
        """Take note of the share of the work done, 0 to 1, and of what is being done. Cheap to call."""

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        """Take a point of a series of plain data, such as a loss curve; a few a second at most."""

    def check_stop(self) -> None:
        """Raise `Stopped` if the computation is to end."""

    def save(self, tensors: "Mapping[str, Tensor | np.ndarray]", state: Mapping[str, Any]) -> None:
        """Keep a state to go on from, in place of the one before: named tensors and plain data."""

    def restore(self) -> Saved | None:
        """State that an interrupted attempt saved last, if there was one."""


class Unwatched:
    """A watcher that shows nothing, keeps nothing and never stops; a base for one that does some of it."""

    def report(self, fraction: float, message: str = "") -> None:
        pass

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        pass

    def check_stop(self) -> None:
        pass

    def save(self, tensors: "Mapping[str, Tensor | np.ndarray]", state: Mapping[str, Any]) -> None:
        pass

    def restore(self) -> Saved | None:
        return None


UNWATCHED = Unwatched()


class Through:
    """A watcher that passes everything on to another; a base for one that changes some of it."""

    def __init__(self, whole: Watcher) -> None:
        self._whole = whole

    def report(self, fraction: float, message: str = "") -> None:
        self._whole.report(fraction, message)

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        self._whole.point(series, values)

    def check_stop(self) -> None:
        self._whole.check_stop()

    def save(self, tensors: "Mapping[str, Tensor | np.ndarray]", state: Mapping[str, Any]) -> None:
        self._whole.save(tensors, state)

    def restore(self) -> Saved | None:
        return self._whole.restore()


@dataclass(frozen=True)
class Part(Unwatched):
    """Watcher of one part of a longer computation: its fractions lie between ``start`` and ``end`` of the whole.

    Points and states are the whole's own, so a part passes on neither; whoever runs the parts saves between them.
    """

    whole: Watcher
    start: float
    end: float

    def report(self, fraction: float, message: str = "") -> None:
        self.whole.report(self.start + fraction * (self.end - self.start), message)

    def check_stop(self) -> None:
        self.whole.check_stop()


class Every:
    """Clock of something done at most once in so many seconds, such as saving.

    Args:
        seconds: that must pass between two times.
        clock: of seconds; a test hands in its own.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self._clock = seconds, clock
        self._last = clock()

    def due(self) -> bool:
        """Whether it is time again; if so, the count begins anew."""
        now = self._clock()
        if now - self._last < self._seconds:
            return False
        self._last = now
        return True
