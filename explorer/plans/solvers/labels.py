"""The frontier under further limits or in a prescribed order, by labels with several costs.

Each partial choice is a label: its cost on the axis, its cost by every limited table, the level it has reached
where levels must not fall, and its damage. A label is dominated when another is no larger in any of these (a
lower level leaves more open); whatever completes it completes the other too, so it is dropped. A label is also
dropped when even its cheapest completion breaks a limit, and a limit that even its dearest completion keeps no
longer tells labels apart.

Comparing every pair would take too long. Costs are put into buckets of equal rank, the least damage of each
cell of the grid of buckets is accumulated along every axis, and a label falls when the cells below its own
hold less damage. No label falls that is not dominated; where a bucket holds several values some dominated ones
stay, which costs time and nothing else.

Where there are many labels, bounds (``bounding``) drop those that cannot become better than plans that are
already known, which then are part of the answer.

When the labels outgrow ``LABELS`` and rounding is allowed, costs are split into cells and of each cell only the
least damaging label stays, as in ``dominance``. Then the errors of all costs add up over the groups: for every
choice that stays below each limit by that limit's error there is a point with no more damage that costs at most
the axis's error more. Points keep their limits and are never rounded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.plans.solvers.bounding import QUICK, THOROUGH, Bounding

LABELS = 40_000
MANY = 5_000  # labels from which on bounds are worth their time
CELLS = 1 << 21  # of the grid on which labels are compared
_FINEST = 1 << 12  # cells along an axis when rounding begins


@dataclass(frozen=True)
class Part:
    """One group of choices.

    Attributes:
        costs: (J, D) int64, of each option by each table; the first is the axis.
        damages: (J,) float64.
        levels: (J,) what the option's level is; None where the group stands outside the order.
    """

    costs: np.ndarray
    damages: np.ndarray
    levels: np.ndarray | None = None


@dataclass(frozen=True)
class Found:
    """What is left when all groups have chosen.

    Attributes:
        picks: (P, G) which option each group takes; P is 0 where nothing keeps the limits. Some may be
            dominated by others.
        errors: (D,) by how much each cost may have been rounded, 0 when exact.
        states: how many labels were looked at.
    """

    picks: np.ndarray
    errors: tuple[int, ...]
    states: int


def within(parts: Sequence[Part], limits: Sequence[int], *, rounding: int | None = None) -> Found:
    """Choices of one option per group that no other beats on the axis and in damage, all limits kept.

    Args:
        parts: in the order of their levels, where they have levels.
        limits: of the second and further costs.
        rounding: as for ``dominance.non_dominated``, on the axis.
    """
    tables = 1 + len(limits)
    bound = np.array(limits, dtype=np.int64)
    order = sorted(range(len(parts)), key=lambda g: _rank(parts, g))
    least = _remaining([parts[g].costs.min(axis=0) for g in order], tables)
    most = _remaining([parts[g].costs.max(axis=0) for g in order], tables)
    cost = np.zeros((1, tables), dtype=np.int64)
    damage, level = np.zeros(1), np.zeros(1, dtype=np.int64)
    origins: list[np.ndarray] = []
    sizes = [1]
    errors = np.zeros(tables, dtype=np.int64)
    states = 0
    bounding: Bounding | None = None
    bounded = bool(limits) and all(part.levels is None for part in parts)
    for number, group in enumerate(order):
        part = parts[group]
        origin, cost, damage, level = _grown(part, cost, damage, level)
        # The cheapest completion must still keep the limits.
        alive = np.flatnonzero((cost[:, 1:] + least[number + 1, 1:] <= bound).all(axis=1))
        states += len(origin)
        if bounded and len(alive) > MANY:
            if bounding is None:
                ordered = [parts[g] for g in order]
                bounding = Bounding([p.costs for p in ordered], [p.damages for p in ordered], bound)
            for places in (QUICK, THOROUGH):
                alive = alive[bounding.useful(number + 1, cost[alive], damage[alive], places)]
                if len(alive) <= LABELS:
                    break
        keys = np.column_stack(
            [cost[alive, :1], np.maximum(cost[alive, 1:], bound - most[number + 1, 1:]), level[alive]]
        )
        kept = alive[_undominated(keys, damage[alive])]
        cells = _cells(cost[kept], level[kept], rounding, int(errors[0]), len(order) - number)
        if (cells > 1).any():
            kept = kept[_one_a_cell(cost[kept], level[kept], damage[kept], cells)]
            errors += cells - 1
        origins.append(origin[kept])
        cost, damage, level = cost[kept], damage[kept], level[kept]
        sizes.append(len(kept))
    last = _undominated(cost[:, :1], damage)
    place = last[np.argsort(cost[last, 0], kind="stable")]
    picks = np.empty((len(place), len(parts)), dtype=np.uint8)
    for number in range(len(order) - 1, -1, -1):
        option, place = np.divmod(origins[number][place], sizes[number])
        picks[:, order[number]] = option
    if bounding is not None:
        known = np.empty_like(bounding.picks)
        known[:, order] = bounding.picks
        picks = np.concatenate([picks, known])
    return Found(picks, tuple(int(error) for error in errors), states)


def _rank(parts: Sequence[Part], group: int) -> tuple[bool, int]:
    """Groups outside the order come first; without an order the cheap ones do, which keeps labels few."""
    part = parts[group]
    extent = int(np.ptp(part.costs[:, 0])) if part.levels is None else group
    return part.levels is not None, extent


def _remaining(rows: Sequence[np.ndarray], tables: int) -> np.ndarray:
    """(G+1, D): the sum of the rows from each place on."""
    sums = np.zeros((len(rows) + 1, tables), dtype=np.int64)
    for place in range(len(rows) - 1, -1, -1):
        sums[place] = sums[place + 1] + rows[place]
    return sums


def _grown(
    part: Part, cost: np.ndarray, damage: np.ndarray, level: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every label with every option that its level allows: where it came from, and what it is now."""
    count, options = len(damage), len(part.damages)
    origin = np.arange(count * options)
    costs = (part.costs[:, None, :] + cost).reshape(-1, cost.shape[1])
    damages = (part.damages[:, None] + damage).ravel()
    if part.levels is None:
        return origin, costs, damages, np.tile(level, options)
    levels = np.repeat(part.levels, count)
    allowed = np.flatnonzero(levels >= np.tile(level, options))
    return origin[allowed], costs[allowed], damages[allowed], levels[allowed]


def _undominated(keys: np.ndarray, damage: np.ndarray) -> np.ndarray:
    """Positions of the labels that no other was seen to dominate, ascending."""
    if not len(damage):
        return np.arange(0)
    # Ranks make every label's damage distinct, and of two equal labels the first wins.
    order = np.lexsort((*(keys[:, axis] for axis in range(keys.shape[1] - 1, -1, -1)), damage))
    rank = np.empty(len(order), dtype=np.int32)
    rank[order] = np.arange(len(order), dtype=np.int32)
    buckets, shape, exact = _buckets(keys)
    if not buckets:
        return order[:1]  # all cost the same
    # One row below every axis holds nothing, so that "in a lower bucket" can be asked of the first as well.
    grid = np.full([size + 1 for size in shape], len(order), dtype=np.int32)
    backwards = order[::-1]
    grid[tuple(axis[backwards] + 1 for axis in buckets)] = rank[backwards]  # the last, least one stays
    for axis in range(len(shape)):
        np.minimum.accumulate(grid, axis=axis, out=grid)
    below = grid[tuple(axis + (1 if whole else 0) for axis, whole in zip(buckets, exact, strict=True))]
    return np.flatnonzero(below >= rank)


def _buckets(keys: np.ndarray) -> tuple[list[np.ndarray], list[int], list[bool]]:
    """For each key that differs among labels: the bucket of each label, how many, and one value in each?"""
    axes = [np.unique(keys[:, axis], return_inverse=True) for axis in range(keys.shape[1])]
    axes = sorted((axis for axis in axes if len(axis[0]) > 1), key=lambda axis: len(axis[0]))
    found: list[np.ndarray] = []
    shape: list[int] = []
    room = CELLS
    for left, (values, place) in zip(range(len(axes), 0, -1), axes, strict=True):
        size = min(len(values), max(2, int(room ** (1 / left))))
        found.append(place if size == len(values) else place * size // len(values))
        shape.append(size)
        room //= size
    return found, shape, [size == len(values) for size, (values, _) in zip(shape, axes, strict=True)]


def _cells(
    cost: np.ndarray, level: np.ndarray, rounding: int | None, spent: int, parts_left: int
) -> np.ndarray:
    """(D,) how many units of each cost to merge now."""
    cells = np.ones(cost.shape[1], dtype=np.int64)
    if rounding == 0 or not len(cost):
        return cells
    if rounding is not None:
        cells[0] = (rounding - spent) // parts_left + 1
    if len(cost) <= LABELS or (rounding is not None and len(cells) == 1):
        return cells
    extent = np.ptp(cost, axis=0)
    rounded = slice(0 if rounding is None else 1, None)  # an error that was asked for is not exceeded
    divisions = _FINEST
    while _occupied(cost, level, cells) > LABELS and divisions > 1:
        cells[rounded] = np.maximum(cells, extent // divisions + 1)[rounded]
        divisions = divisions * 3 // 4
    return cells


def _occupied(cost: np.ndarray, level: np.ndarray, cells: np.ndarray) -> int:
    return len(np.unique(_index(cost, level, cells)))


def _one_a_cell(cost: np.ndarray, level: np.ndarray, damage: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """The least damaging label of each cell, and the cheapest of all by each table."""
    index = _index(cost, level, cells)
    order = np.lexsort((damage, index))
    first = np.concatenate([[True], index[order][1:] != index[order][:-1]])
    return np.unique(np.concatenate([order[first], cost.argmin(axis=0)]))


def _index(cost: np.ndarray, level: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """A number for each label's cell."""
    place = np.column_stack([(cost - cost.min(axis=0)) // cells, level])
    index: np.ndarray = np.zeros(len(place), dtype=np.int64)
    for column in place.T:
        index = index * (int(column.max()) + 1) + column
    return index
