"""The promise: the drop of a chosen plan on samples that it was not chosen by.

A plan that was picked as the smallest that seems to hold is likelier to have been lucky than unlucky on the samples of
the search. So it is measured once on as many others, held out until then. Where its upper limit there is more than was
wished, the next larger plan is tried, then the second after that, the fourth, and so on up. Attempt k may be wrong with
probability error / 2^k, together at most ``error`` (Bonferroni): with 95 % confidence the plan that passes drops no
more than was wished, on images like these.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.choosing.comparing import Bits, Comparing
from explorer.choosing.drops import Drop, z_of

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Attempt:
    """One plan on the samples that were held out.

    Attributes:
        place: of the plan among the candidates.
        drop: on all of them.
        z: standard errors of this attempt's limit.
    """

    place: int
    drop: Drop
    z: float

    @property
    def at_most(self) -> float:
        """The drop that can be promised."""
        return self.drop.upper(self.z)


def confirm(
    candidates: Sequence[Bits],
    place: int,
    comparing: Comparing,
    most: float,
    *,
    chosen: Bits | None = None,
    before: int = 0,
    confidence: float = CONFIDENCE,
) -> tuple[Attempt, ...]:
    """Attempts, the last of which is the plan that passed, or the dearest, which did not.

    Args:
        place: of the candidate that a search found.
        chosen: tried in its stead where it was changed since.
        before: attempts that were made already, of a plan that is no candidate.
    """
    attempts: list[Attempt] = []
    step = 1
    while True:
        bits = chosen if chosen is not None and not attempts else candidates[place]
        z = z_of((1 - confidence) / 2 ** (before + len(attempts) + 1))
        attempts.append(Attempt(place, comparing.drop(bits), z))
        if attempts[-1].at_most <= most or place == len(candidates) - 1:
            return tuple(attempts)
        place, step = min(place + step, len(candidates) - 1), 2 * step
