"""The exact cost-damage frontier of independent choices, by dynamic programming with dominance.

Given groups g with costs c_g(j) (whole numbers) and damages ω_g(j), a choice of one j per group costs Σ c and
does damage Σ ω. A choice is dominated when another costs no more and does no more damage, and is better in
one of them. Adding the same choice of a further group to both of two partial choices changes neither
difference, so a dominated partial choice can be dropped at once (Bellman's principle; Nemhauser and Ullmann
1969 for the knapsack problem). This holds for damages of any sign.

Two ways to hold the partial choices:

- *dense*: the least damage for every reachable multiple of the costs' greatest common divisor. No sorting.
- *sparse*: a list sorted by cost, in which damage strictly falls. When it outgrows ``limit`` and rounding is
allowed,
  costs are split into cells of r units and of each cell only the least damaging member stays. What was
  dropped is at most r − 1 cheaper than what stayed and no less damaging, so after all groups every choice has
  a point of the frontier with no more damage that is at most Σ (r − 1) dearer. Costs of points are never
  rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import gcd

import numpy as np

DENSE_CELLS = 1_000_000
SPARSE_STATES = 40_000


@dataclass(frozen=True)
class Choices:
    """The non-dominated choices, cheapest first.

    Attributes:
        picks: (P, G) which option each group takes.
        error: how much dearer, in cost units, a point may be than a choice that was dropped and does as much
            damage; 0 when the frontier is exact.
        states: how many partial choices were looked at.
    """

    picks: np.ndarray
    error: int
    states: int = 0


def pareto(costs: np.ndarray, damages: np.ndarray) -> np.ndarray:
    """Positions of the non-dominated entries, by rising cost; of equal entries the first."""
    order = np.argsort(costs, kind="stable")
    kept: np.ndarray = order[_falling(costs[order], damages[order])]
    return kept


def non_dominated(
    costs: Sequence[Sequence[int]], damages: Sequence[Sequence[float]], *, rounding: int | None = None
) -> Choices:
    """Every non-dominated choice of one option per group.

    Args:
        costs: for each group the cost of each option.
        damages: the same for damage.
        rounding: the largest allowed ``error``; 0 for none whatever it takes; None: none unless the number of
            partial choices exceeds ``SPARSE_STATES``.
    """
    stages = [
        _Stage.of(group, np.array(cost, dtype=np.int64), np.array(damage, dtype=np.float64))
        for group, (cost, damage) in enumerate(zip(costs, damages, strict=True))
    ]
    active = sorted(
        (stage for stage in stages if len(stage.options) > 1), key=lambda stage: int(stage.extra[-1])
    )
    unit = gcd(*(int(extra) for stage in active for extra in stage.extra)) or 1
    span = sum(int(stage.extra[-1]) for stage in active) // unit
    if span <= DENSE_CELLS and not rounding:
        steps, states = _dense(active, unit)
        error = 0
    else:
        steps, error, states = _sparse(active, rounding)
    picks = np.empty((steps.shape[0], len(stages)), dtype=np.uint8)
    for stage in stages:
        picks[:, stage.group] = stage.options[0]
    for column, stage in enumerate(active):
        picks[:, stage.group] = stage.options[steps[:, column]]
    return Choices(picks, error, states)


@dataclass(frozen=True)
class _Stage:
    """One group without its dominated options: ``extra`` is cost above its cheapest, ascending from 0."""

    group: int
    options: np.ndarray
    extra: np.ndarray
    damage: np.ndarray

    @classmethod
    def of(cls, group: int, costs: np.ndarray, damages: np.ndarray) -> "_Stage":
        kept = pareto(costs, damages)
        return cls(group, kept.astype(np.uint8), costs[kept] - costs[kept[0]], damages[kept])


def _falling(costs: np.ndarray, damages: np.ndarray) -> np.ndarray:
    """Positions, in a list sorted by cost, where damage falls below everything cheaper or as cheap."""
    before = np.minimum.accumulate(damages)
    kept = np.flatnonzero(np.concatenate([[True], damages[1:] < before[:-1]]))
    # Among equal costs each fall is kept so far; the last of them is the least damage.
    least: np.ndarray = kept[np.concatenate([costs[kept[1:]] != costs[kept[:-1]], [True]])]
    return least


def _dense(stages: Sequence[_Stage], unit: int) -> tuple[np.ndarray, int]:
    best: np.ndarray = np.zeros(1)
    states = 0
    chosen: list[np.ndarray] = []
    for stage in stages:
        shifts = stage.extra // unit
        states += len(best) * len(shifts)
        wider = np.full(len(best) + int(shifts[-1]), np.inf)
        choice = np.zeros(len(wider), dtype=np.uint8)
        for option, (shift, damage) in enumerate(zip(shifts, stage.damage, strict=True)):
            window = slice(int(shift), int(shift) + len(best))
            candidate = best + damage
            better = candidate < wider[window]
            np.copyto(wider[window], candidate, where=better)
            np.copyto(choice[window], np.uint8(option), where=better)
        best = wider
        chosen.append(choice)
    place = _falling(np.arange(len(best)), best)
    steps = np.empty((len(place), len(stages)), dtype=np.uint8)
    for column in range(len(stages) - 1, -1, -1):
        steps[:, column] = chosen[column][place]
        place = place - (stages[column].extra // unit)[steps[:, column]]
    return steps, states


def _sparse(stages: Sequence[_Stage], rounding: int | None) -> tuple[np.ndarray, int, int]:
    cost: np.ndarray = np.zeros(1, dtype=np.int64)
    damage: np.ndarray = np.zeros(1)
    origins: list[np.ndarray] = []
    error = states = 0
    for number, stage in enumerate(stages):
        cost_now = (stage.extra[:, None] + cost).ravel()
        damage_now = (stage.damage[:, None] + damage).ravel()
        states += len(cost_now)
        kept = pareto(cost_now, damage_now)
        cell = _cell(cost_now[kept], rounding, error, len(stages) - number)
        if cell > 1:
            kept = kept[_one_a_cell(cost_now[kept], cell)]
            error += cell - 1
        origins.append(kept)
        cost, damage = cost_now[kept], damage_now[kept]
    place = np.arange(len(cost))
    steps = np.empty((len(cost), len(stages)), dtype=np.uint8)
    sizes = [1, *(len(origin) for origin in origins)]
    for column in range(len(stages) - 1, -1, -1):
        option, place = np.divmod(origins[column][place], sizes[column])
        steps[:, column] = option
    return steps, error, states


def _cell(costs: np.ndarray, rounding: int | None, spent: int, stages_left: int) -> int:
    """How many cost units to merge now, out of what rounding is still allowed."""
    if rounding == 0 or (rounding is None and len(costs) <= SPARSE_STATES):
        return 1
    if rounding is None:
        return -(-int(costs[-1] - costs[0]) // SPARSE_STATES)
    return (rounding - spent) // stages_left + 1


def _one_a_cell(costs: np.ndarray, cell: int) -> np.ndarray:
    """The last, least damaging of each cell; the cheapest of all stays, so that feasibility is exact."""
    index = (costs - costs[0]) // cell
    last = np.concatenate([index[1:] != index[:-1], [True]])
    last[0] = True
    return np.flatnonzero(last)
