"""The smallest plan along a frontier whose measured drop is small enough.

Accuracy rises along the frontier nearly, but not exactly: it is exact in a prediction only. So the place is found by
bisection over the cost, and then the plans below are tried one by one until several in a row do not hold.

Whether a plan holds is decided on nested sets of samples: few at first, twice as many each time, until the limits of
the drop (`drops`, at z standard errors) exclude the wish from one side, or all samples are used. What is undecided then
does not hold. These decisions are not corrected for how many were made, and the plan that was chosen by them looks
better on their samples than it is; what is promised of it comes from other samples (`confirming`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from explorer.choosing.comparing import Bits, Comparing
from explorer.choosing.drops import Drop
from explorer.estimates import NOISE
from explorer.plans import Frontier, Point

Verdict = Literal["holds", "breaks", "open"]

FIRST = 128  # samples of the first look at a plan
APART = 0.01  # least relative difference of the costs of two plans that are told apart
PATIENCE = 5  # plans in a row, below the one found, that may fail


@dataclass(frozen=True)
class Rule:
    """When a plan holds.

    Attributes:
        most: the drop that is allowed, a share in (0, 1).
        z: standard errors between the drop and its limits.
        first: samples of the first look.
        patience: plans in a row, below the one found, that may fail before the search ends.
    """

    most: float
    z: float = NOISE
    first: int = FIRST
    patience: int = PATIENCE

    def looks(self, samples: int) -> list[int]:
        """Numbers of samples after which is decided, the last one all."""
        found, look = [], self.first
        while look < samples:
            found.append(look)
            look *= 2
        return [*found, samples]

    def verdict(self, drop: Drop) -> Verdict:
        """What a drop allows to be said."""
        if drop.upper(self.z) <= self.most:
            return "holds"
        return "breaks" if drop.lower(self.z) > self.most else "open"


@dataclass(frozen=True)
class Looked:
    """One decision about one plan.

    Attributes:
        place: of the plan among the candidates.
        drop: on as many samples as the decision took.
        verdict: what it came to.
    """

    place: int
    drop: Drop
    verdict: Verdict


@dataclass(frozen=True)
class Searched:
    """How a search ended.

    Attributes:
        place: of the smallest plan found that holds; None where the dearest does not.
        looked: every decision, in order.
    """

    place: int | None
    looked: tuple[Looked, ...]


def ladder(frontier: Frontier, apart: float = APART) -> list[Point]:
    """Points of a frontier whose costs rise by at least ``apart`` from one to the next, cheapest first.

    Of points that are closer together the dearest stands for all: it has the least predicted damage. The dearest of
    the whole frontier is among them.
    """
    kept: list[int] = []
    for place in range(len(frontier) - 1, -1, -1):
        if not kept or frontier.cost[place] * (1 + apart) <= frontier.cost[kept[-1]]:
            kept.append(place)
    return [frontier.point(place) for place in reversed(kept)]


def decide(bits: Bits, comparing: Comparing, rule: Rule) -> tuple[Drop, Verdict]:
    """Whether a plan holds, on as few samples as it takes."""
    for look in rule.looks(comparing.samples):
        drop = comparing.drop(bits, look)
        if rule.verdict(drop) != "open":
            break
    return drop, rule.verdict(drop)


def search(candidates: Sequence[Bits], costs: Sequence[float], comparing: Comparing, rule: Rule) -> Searched:
    """The smallest of the candidates, cheapest first, that holds.

    Args:
        costs: of the candidates, rising.
    """
    looked: dict[int, Looked] = {}

    def holds(place: int) -> bool:
        if place not in looked:
            looked[place] = Looked(place, *decide(candidates[place], comparing, rule))
        return looked[place].verdict == "holds"

    best = len(candidates) - 1
    if not holds(best):
        return Searched(None, tuple(looked.values()))
    below = -1
    while best - below > 1:
        place = _between(costs, below, best)
        if holds(place):
            best = place
        else:
            below = place
    place, failed = best - 1, 0
    while place >= 0 and failed < rule.patience:
        if holds(place):
            best, failed = place, 0
        else:
            failed += 1
        place -= 1
    return Searched(best, tuple(looked.values()))


def sweep(candidates: Sequence[Bits], comparing: Comparing, rule: Rule) -> Searched:
    """The same by brute force: every candidate, from the cheapest up to the first that holds."""
    looked: list[Looked] = []
    for place, bits in enumerate(candidates):
        looked.append(Looked(place, *decide(bits, comparing, rule)))
        if looked[-1].verdict == "holds":
            return Searched(place, tuple(looked))
    return Searched(None, tuple(looked))


def _between(costs: Sequence[float], below: int, best: int) -> int:
    """The place strictly between whose cost is nearest to the geometric mean of both ends."""
    inner = np.arange(below + 1, best)
    middle = np.sqrt(costs[max(below, 0)] * costs[best])
    return int(inner[np.argmin(np.abs(np.asarray(costs)[inner] - middle))])
