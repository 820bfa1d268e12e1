"""Bounds that tell early which labels cannot lead to a better plan.

A limit B on a further cost c is given a price μ ≥ 0 (Lagrange's relaxation): for every plan that keeps it
Ω ≥ Ω + μ(c − B), and the least of the right side over all plans, for every cost on the axis, is a frontier
without limits, which is quick to find. So for each of several prices, once:

- the relaxed frontier's plans that keep all limits are plans already; the least Ω they reach within a cost x on
  the axis is U(x);
- S(x), the least of Σ (ω + μ c) over the groups still to choose, within x on the axis.

A label with x and c spent and damage ω so far is useless when nothing it can become is below U at its own cost:

    ω + μ(c − B) ≥ max_t [U(t) − S(t − x)].

The right side depends on x alone. It is taken at a few values of x and t, rounded so that no label is lost that
could become better than what is known.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from explorer.plans.solvers import dominance

PRICES = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)  # shares of the price at which a limit alone is kept
_FEWER = {1: PRICES, 2: (0.0, 0.1, 0.4, 1.0), 3: (0.0, 0.3, 1.0)}
_STEPS = 4096  # of a relaxed frontier of what is still to choose
_FINE = 1 << 14  # cells of the axis in which S is read
_PLACES = 1536  # at about how many t
QUICK, THOROUGH = 64, 512  # at how many x


@dataclass(frozen=True)
class Stairs:
    """A falling step function: ``values[i]`` from ``costs[i]`` on, infinite before the first."""

    costs: np.ndarray
    values: np.ndarray

    def at(self, where: np.ndarray) -> np.ndarray:
        """Its values at these costs."""
        padded = np.concatenate([[np.inf], self.values])
        found: np.ndarray = padded[np.searchsorted(self.costs, where, side="right")]
        return found


class Bounding:
    """The bounds for one problem.

    Args:
        costs: for each group, in the order in which labels choose, (J, D) int64; the first is the axis.
        damages: for each group (J,).
        limits: (D−1,) of the further costs.
    """

    def __init__(
        self, costs: Sequence[np.ndarray], damages: Sequence[np.ndarray], limits: np.ndarray
    ) -> None:
        self._limits = limits
        least = np.array([row[:, 0].min() for row in costs])
        self._base = np.concatenate([[0], np.cumsum(least)])
        axis = [row[:, 0] - low for row, low in zip(costs, least, strict=True)]
        prices = [np.array(price) for price in _prices(costs, damages, limits)]
        priced = [_priced(costs, damages, price) for price in prices]
        self._rest = [(p, _suffixes(axis, rows)) for p, rows in zip(prices, priced, strict=True)]
        picks = []
        for rows in priced:
            relaxed = dominance.non_dominated([x.tolist() for x in axis], [row.tolist() for row in rows])
            spent = np.asarray(sum(row[relaxed.picks[:, g]] for g, row in enumerate(costs)))
            picks.append(relaxed.picks[(spent[:, 1:] <= limits).all(axis=1)])
        self.picks = np.unique(np.concatenate(picks), axis=0)
        spent = sum((x[self.picks[:, g]] for g, x in enumerate(axis)), np.zeros(len(self.picks), np.int64))
        damage = sum((row[self.picks[:, g]] for g, row in enumerate(damages)), np.zeros(len(self.picks)))
        best = dominance.pareto(spent, damage) if len(spent) else np.arange(0)
        known = Stairs(spent[best], damage[best])
        self._cell = int(sum(int(x.max()) for x in axis)) // _FINE + 1
        even = np.linspace(0, _FINE, _PLACES // 2).astype(int)
        drops = known.costs[np.linspace(0, len(best) - 1, _PLACES).astype(int)] if len(best) else even[:0]
        self._places = np.unique(np.concatenate([even, drops // self._cell, [_FINE]]))
        self._upper = known.at(self._places[:-1] * self._cell)

    def useful(self, chosen: int, cost: np.ndarray, damage: np.ndarray, places: int = QUICK) -> np.ndarray:
        """Positions of the labels that may become better than what is known.

        Args:
            chosen: how many groups have chosen.
            cost: (n, D) spent so far.
            damage: (n,).
            places: how finely the axis is looked at.
        """
        alive = np.arange(len(damage))
        spent = (cost[:, 0] - self._base[chosen]) // self._cell
        for price, rest in self._rest:
            if not len(alive):
                break
            relaxed = damage[alive] + (cost[alive, 1:] - self._limits) @ price
            alive = alive[relaxed < self._threshold(rest[chosen], spent[alive], places)]
        return alive

    def _threshold(self, rest: Stairs, place: np.ndarray, places: int) -> np.ndarray:
        """max_t U(t) − S(t − x), or more, for labels by the cell of their x."""
        # S at the end of each cell, so never too high; infinite where nothing can be completed.
        lower = rest.at(np.arange(1, _FINE + 1) * self._cell - 1)
        starts = np.unique(place)
        starts = starts[np.unique(np.linspace(0, len(starts) - 1, places).astype(int))]
        # U between two places is at most what it is at the first, S at least what it is before the second.
        where = self._places[1:] - 1 - starts[:, None]
        with np.errstate(invalid="ignore"):
            gain = self._upper - lower[np.maximum(where, 0)]
        gain[(where < 0) | np.isnan(gain)] = -np.inf
        threshold: np.ndarray = gain.max(axis=1)[np.searchsorted(starts, place, side="right") - 1]
        return threshold


def _prices(
    costs: Sequence[np.ndarray], damages: Sequence[np.ndarray], limits: np.ndarray
) -> list[tuple[float, ...]]:
    """Prices of the limits, from none to those at which each alone is kept."""
    alone = []
    for table, limit in enumerate(limits, start=1):
        found = dominance.non_dominated([r[:, table].tolist() for r in costs], [r.tolist() for r in damages])
        spent = np.asarray(sum(row[found.picks[:, g], table] for g, row in enumerate(costs)))
        omega = np.asarray(sum(row[found.picks[:, g]] for g, row in enumerate(damages)))
        alone.append(_slope(spent.astype(np.float64), omega, float(limit)))
    shares = _FEWER.get(len(limits), (0.0, 1.0))
    return list(
        dict.fromkeys(
            tuple(s * p for s, p in zip(mix, alone, strict=True))
            for mix in product(shares, repeat=len(limits))
        )
    )


def _slope(costs: np.ndarray, damage: np.ndarray, limit: float) -> float:
    """How steeply the convex hull of a frontier falls at a cost."""
    within, beyond = costs <= limit, costs > limit
    if not within.any() or not beyond.any():
        return 0.0
    # The price at which the best of the cheaper and the best of the dearer plans are even.
    low, high = 0.0, float(np.ptp(damage)) + 1.0
    for _ in range(60):
        price = (low + high) / 2
        relaxed = damage + price * costs
        low, high = (low, price) if relaxed[within].min() <= relaxed[beyond].min() else (price, high)
    return high


def _priced(
    costs: Sequence[np.ndarray], damages: Sequence[np.ndarray], price: np.ndarray
) -> list[np.ndarray]:
    return [damage + cost[:, 1:] @ price for cost, damage in zip(costs, damages, strict=True)]


def _suffixes(costs: Sequence[np.ndarray], damages: Sequence[np.ndarray]) -> list[Stairs]:
    """For each place the least damage of the groups from there on by cost on the axis, never too high.

    Args:
        costs: for each group (J,) on the axis.
        damages: for each group (J,).
    """
    stairs = [Stairs(np.zeros(1, dtype=np.int64), np.zeros(1))]
    for cost, damage in zip(reversed(costs), reversed(damages), strict=True):
        after = stairs[-1]
        cost_now = (cost[:, None] + after.costs).ravel()
        damage_now = (damage[:, None] + after.values).ravel()
        kept = dominance.pareto(cost_now, damage_now)
        cost_now, damage_now = cost_now[kept], damage_now[kept]
        if len(kept) > _STEPS:
            cell = -(-int(cost_now[-1] - cost_now[0] + 1) // _STEPS)
            index = (cost_now - cost_now[0]) // cell
            first = np.flatnonzero(np.concatenate([[True], index[1:] != index[:-1]]))
            last = np.concatenate([first[1:] - 1, [len(index) - 1]])
            cost_now, damage_now = cost_now[first], damage_now[last]
        stairs.append(Stairs(cost_now, damage_now))
    return stairs[::-1]
