"""Which plans to measure: along the frontiers of every measure of damage, and off them at the same sizes.

HAWQ-V2 compares plans of about one size: least against large Ω (Table 3a), Ω with and without the trace (3b), the
trace against the largest eigenvalue (Table 5). Here that is done at several sizes, spread evenly along the
frontier of the trace as it is drawn. At each size there are

    "least M"         the plan of least Ω by measure M that is no larger
    "most trace"      the plan of largest Ω by the trace that is no smaller
    "set B"           the plan of largest Ω by the trace among those of HAWQ-V2's set B that are as large to 2 %
    "random"          widths drawn at random, then moved at random until the size is right to 1 %

and beside them "uniform", one width for all, and where a size has no more plans random ones of any size. Plans that
come up in several roles are one plan.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.plans import (
    Budget,
    CostTable,
    DamageTable,
    Frontier,
    Problem,
    SetB,
    build_problem,
    enumerate_set_b,
    size_table,
    solve,
)
from explorer.randomness import Stream, numpy_generator

TRACE = "trace"
LEVELS = 8
RANDOM_CLOSE = 0.01
SET_B_CLOSE = 0.02
_STEPS = 400  # of a random plan towards its size
_TRIES = 50  # random plans that are all known already, before there are thought to be no others


@dataclass(frozen=True)
class Sampled:
    """A plan to measure.

    Attributes:
        bits: weight bits, blocks in depth order.
        roles: why it is here: the kind of plan, and at which of the sizes (None for uniform plans).
        count: its size in bits.
    """

    bits: tuple[int, ...]
    roles: tuple[tuple[str, int | None], ...]
    count: int


def sample_plans(
    blocks: Sequence[Block],
    tables: Mapping[str, DamageTable],
    *,
    menu: Sequence[int],
    plans: int,
    seed: int = 0,
    levels: int = LEVELS,
) -> tuple[Sampled, ...]:
    """``plans`` different plans, more if the roles above need more, fewer if there are no others.

    Args:
        tables: measure to damage, "trace" among them.

    Raises:
        PlanError: a table lacks a width, or the frontier of the trace is a single plan.
    """
    names = [block.name for block in blocks]
    size = size_table(blocks, menu)

    def problem(table: DamageTable, cost: CostTable = size, *, monotone: bool = False) -> Problem:
        weights = {block.name: block.weights for block in blocks}
        return build_problem(
            names, menu=menu, cost=cost, damage=table, weights=weights, monotone=monotone, a_bits=32
        )

    frontiers = {measure: solve(problem(table)) for measure, table in tables.items()}
    targets = _targets(frontiers[TRACE], levels)
    found = _Found(names, size)
    for bits in sorted(menu):
        found.add([bits] * len(names), "uniform", None)
    opposite = solve(problem(_negated(tables[TRACE]), _reversed(size, menu)))
    largest = sum(size.at(name, max(menu)) for name in names)
    set_b = _set_b(problem(tables[TRACE], monotone=True))
    for level, target in enumerate(targets):
        for measure, frontier in frontiers.items():
            found.add(_least(frontier, target), f"least {measure}", level)
        found.add(_least(opposite, largest - target), f"most {TRACE}", level)
        if set_b is not None and (place := _most_damaging(set_b, target)) is not None:
            found.add(set_b.bits[place].tolist(), "set B", level)
    _add_random(found, blocks, sorted(menu), targets, plans, numpy_generator(Stream.PROXY_PLANS, seed))
    return found.sampled()


class _Found:
    """Plans with their roles, in the order in which they came."""

    def __init__(self, names: Sequence[str], size: CostTable) -> None:
        self._names, self._size = names, size
        self._roles: dict[tuple[int, ...], list[tuple[str, int | None]]] = {}

    def __len__(self) -> int:
        return len(self._roles)

    def add(self, bits: Sequence[int], kind: str, level: int | None) -> bool:
        """Whether the plan is new."""
        key = tuple(int(width) for width in bits)
        new = key not in self._roles
        self._roles.setdefault(key, []).append((kind, level))
        return new

    def sampled(self) -> tuple[Sampled, ...]:
        return tuple(
            Sampled(bits, tuple(roles), self._size.count(dict(zip(self._names, bits, strict=True))))
            for bits, roles in self._roles.items()
        )


def _targets(frontier: Frontier, levels: int) -> list[int]:
    """Sizes between the two ends of the frontier, in bits."""
    places = frontier.thinned(levels + 2)[1:-1]
    if not len(places):
        raise PlanError("these widths leave a single plan worth having; offer more widths")
    return [int(count) for count in frontier.counts[places]]


def _least(frontier: Frontier, count: int) -> list[int]:
    """The plan of least damage that costs at most so many counts."""
    point = frontier.best_under(Budget("at_most", count / frontier.problem.cost.divisor))
    return list(point.bits.values())


def _negated(table: DamageTable) -> DamageTable:
    values = {block: {bits: -value for bits, value in row.items()} for block, row in table.values.items()}
    return DamageTable(values, table.sensitivity, {})


def _reversed(size: CostTable, menu: Sequence[int]) -> CostTable:
    """What a plan is smaller than the largest one by, so that a limit from below becomes one from above."""
    counts = {
        block: {bits: row[max(menu)] - row[bits] for bits in menu} for block, row in size.counts.items()
    }
    return CostTable("size", size.unit, counts, size.divisor)


def _set_b(problem: Problem) -> SetB | None:
    try:
        return enumerate_set_b(problem)
    except PlanError:  # too many to enumerate
        return None


def _most_damaging(set_b: SetB, target: int) -> int | None:
    near = np.flatnonzero(np.abs(set_b.counts - target) <= SET_B_CLOSE * target)
    return int(near[np.argmax(set_b.omega[near])]) if len(near) else None


def _add_random(
    found: _Found,
    blocks: Sequence[Block],
    menu: Sequence[int],
    targets: Sequence[int],
    plans: int,
    rng: np.random.Generator,
) -> None:
    """At least one random plan at each size; then size after size, and of any size, until there are enough."""
    sizes = np.array([block.weights for block in blocks])
    known = turn = 0
    while (len(found) < plans or turn < len(targets)) and known < _TRIES:
        level = turn % len(targets)
        known = 0 if found.add(_random(sizes, menu, targets[level], rng), "random", level) else known + 1
        turn += 1
    known = 0
    while len(found) < plans and known < _TRIES:
        known = 0 if found.add(rng.choice(menu, len(sizes)).tolist(), "random", None) else known + 1


def _random(sizes: np.ndarray, menu: Sequence[int], target: int, rng: np.random.Generator) -> list[int]:
    widths = np.array(menu)
    place = rng.integers(0, len(menu), len(sizes))
    best, nearest = place.copy(), np.inf
    for _ in range(_STEPS):
        off = int((sizes * widths[place]).sum()) - target
        if abs(off) < nearest:
            best, nearest = place.copy(), abs(off)
        if nearest <= RANDOM_CLOSE * target:
            break
        movable = np.flatnonzero(place > 0 if off > 0 else place < len(menu) - 1)
        place[rng.choice(movable)] += -1 if off > 0 else 1
    return [int(bits) for bits in widths[best]]
