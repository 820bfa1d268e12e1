"""How much longer a run takes, in words for its message."""

import time
from collections.abc import Callable

from explorer.watching import Through, Watcher

SURE = 0.02  # share of the work after which a guess is worth something


class TimeLeft:
    """Guesses from the share of the work done since it was made, which is not at the start of a resumed run."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._from: tuple[float, float] | None = None

    def __call__(self, fraction: float) -> str:
        """Words to put after a message; none while it is too early to say."""
        now = self._clock()
        if self._from is None:
            self._from = (now, fraction)
        since, start = self._from
        if fraction - start < SURE:
            return ""
        seconds = (now - since) * (1 - fraction) / (fraction - start)
        return f", about {duration(seconds)} left"


def duration(seconds: float) -> str:
    """Seconds, or minutes from two on."""
    return f"{max(1, round(seconds))} s" if seconds < 120 else f"{round(seconds / 60)} min"


class Timed(Through):
    """Watcher that adds to every message how much longer the whole takes."""

    def __init__(self, whole: Watcher) -> None:
        super().__init__(whole)
        self._left = TimeLeft()

    def report(self, fraction: float, message: str = "") -> None:
        super().report(fraction, f"{message}{self._left(fraction)}")
