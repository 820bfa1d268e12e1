"""Small problems and the brute force they are checked against."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import inf

import numpy as np
from hypothesis import strategies as st

from explorer.blocks import Block, Layer
from explorer.plans import Budget, CostTable, DamageTable, Problem, build_problem, measured_table


@dataclass(frozen=True)
class Identity:
    """What a plan needs to know of a study."""

    name: str = "toy"
    weights_sha256: str = "ab" * 32


STUDY = Identity()


def block(name: str, weights: int, macs: int = 0) -> Block:
    return Block(name, (Layer(name, "Conv2d", f"{name}.weight", (weights,), weights, macs),))


def blocks(count: int) -> tuple[Block, ...]:
    return tuple(block(f"b{index}", 16 * (index + 1), 1000 * (index + 1)) for index in range(count))


@st.composite
def problems(draw: st.DrawFn, *, monotone: bool = False, largest: int = 6) -> Problem:
    """Problems with negative damages, equal costs, ties and kept blocks; costs are integers or decimals."""
    names = [f"b{index}" for index in range(draw(st.integers(1, largest)))]
    menu = sorted(draw(st.sets(st.sampled_from([1, 2, 3, 4, 6, 8]), min_size=1, max_size=3)))
    keep = draw(st.dictionaries(st.sampled_from(names), st.sampled_from([2, 8, 16]), max_size=1))
    ties = draw(st.lists(st.lists(st.sampled_from(names), min_size=2, max_size=3), max_size=2))
    widths = sorted({*menu, *keep.values()})
    figures = st.floats(-10, 10, allow_nan=False).map(lambda value: round(value, 3))
    values = {name: {bits: draw(figures) for bits in widths} for name in names}
    damage = DamageTable(values, {name: draw(figures) for name in names}, {})
    return build_problem(
        names,
        menu=menu,
        cost=draw(costs(names, widths)),
        damage=damage,
        weights={name: draw(st.integers(1, 9)) for name in names},
        ties=ties,
        keep=keep,
        monotone=monotone,
    )


@st.composite
def costs(draw: st.DrawFn, names: list[str], widths: list[int]) -> CostTable:
    if draw(st.booleans()):
        whole = st.integers(0, draw(st.sampled_from([3, 100, 10**9])))
        return CostTable("size", "bytes", {n: {bits: draw(whole) for bits in widths} for n in names}, 8)
    decimal = st.floats(0, 5, allow_nan=False).map(lambda value: round(value, 4))
    return measured_table("latency", "ms", {n: {bits: draw(decimal) for bits in widths} for n in names})


def every_plan(problem: Problem) -> Iterator[dict[str, int]]:
    """All plans, straight from the meaning of ties, kept blocks and the monotone order."""
    for choice in product(*(group.widths for group in problem.groups)):
        by_group = dict(zip(problem.groups, choice, strict=True))
        ordered = [by_group[group] for group in problem.free]
        if problem.monotone and ordered != sorted(ordered):
            continue
        position = {member: bits for group, bits in by_group.items() for member in group.members}
        yield {name: position[index] for index, name in enumerate(problem.blocks)}


def brute_force(problem: Problem) -> list[tuple[int, float]]:
    """(cost, Ω) of every Pareto-optimal plan, cheapest first."""
    best: list[tuple[int, float]] = []
    for count, omega in sorted(_figures(problem, bits) for bits in every_plan(problem)):
        if not best or omega < best[-1][1] - 1e-9:
            best.append((count, omega))
    return best


def _figures(problem: Problem, bits: Mapping[str, int]) -> tuple[int, float]:
    return problem.cost.count(bits), problem.damage.omega(bits)


@dataclass(frozen=True)
class Question:
    """All that can be asked of a problem, as a person asks it; ``problem`` is what the program makes of it.

    The widths of activations are chosen where ``a_menu`` has any. ``limits`` are in counts of their tables.
    """

    names: tuple[str, ...]
    menu: tuple[int, ...]
    a_menu: tuple[int, ...]
    cost: CostTable
    damage: DamageTable
    ties: tuple[tuple[str, ...], ...]
    keep: Mapping[str, int]
    minimum: Mapping[str, int]
    maximum: Mapping[str, int]
    a_maximum: Mapping[str, int]
    limits: tuple[tuple[CostTable, int], ...]
    monotone: bool

    def problem(self) -> Problem:
        return build_problem(
            self.names,
            menu=self.menu,
            a_menu=self.a_menu,
            cost=self.cost,
            damage=self.damage,
            ties=self.ties,
            keep=self.keep,
            minimum=self.minimum,
            maximum=self.maximum,
            a_maximum=self.a_maximum,
            monotone=self.monotone,
            constraints=[(t, Budget("at_most", limit / t.divisor)) for t, limit in self.limits],
        )

    def every_plan(self) -> "Enumerated":
        """All plans that the wishes allow, block by block; limits are not looked at."""
        inputs = self.a_menu or (8,)
        widths = sorted({*self.menu, *self.keep.values()})
        pairs = list(product(widths, inputs))
        allowed = [
            [place for place, pair in enumerate(pairs) if self._may(name, *pair)] for name in self.names
        ]
        picks = np.array(list(product(*allowed)), dtype=np.int64).reshape(-1, len(self.names))
        w, a = np.array(pairs).T
        for tie in self.ties:
            columns = [self.names.index(name) for name in tie]
            picks = picks[(picks[:, columns] == picks[:, columns[:1]]).all(axis=1)]
        if self.monotone:
            for low, high in zip(self._order(), self._order()[1:], strict=False):
                picks = picks[w[picks[:, low]] <= w[picks[:, high]]]
        costs = [
            sum(
                np.array(
                    [table.at(name, *pair) if place in allowed[b] else 0 for place, pair in enumerate(pairs)]
                )[picks[:, b]]
                for b, name in enumerate(self.names)
            )
            for table in (self.cost, *(table for table, _ in self.limits))
        ]
        omega = sum(
            np.array(
                [self._omega(name, *pair) if place in allowed[b] else 0 for place, pair in enumerate(pairs)]
            )[picks[:, b]]
            for b, name in enumerate(self.names)
        )
        return Enumerated(w[picks], a[picks], np.array(costs), np.asarray(omega, dtype=float))

    def _may(self, name: str, w: int, a: int) -> bool:
        wanted = w == self.keep[name] if name in self.keep else w in self.menu
        low, high = self.minimum.get(name, 0), self.maximum.get(name, 99)
        return wanted and low <= w <= high and a <= self.a_maximum.get(name, 99)

    def _omega(self, name: str, w: int, a: int) -> float:
        return self.damage.values[name][w] + (self.damage.activation[name][a] if self.a_menu else 0.0)

    def _order(self) -> list[int]:
        """One block of each free group, from the least to the most sensitive."""
        return [group.members[0] for group in self.problem().free]


@dataclass(frozen=True)
class Enumerated:
    """Many plans: bits (P, L), cost by each table (T, P), Ω (P,)."""

    bits: np.ndarray
    a_bits: np.ndarray
    costs: np.ndarray
    omega: np.ndarray

    def within(self, question: Question) -> "Enumerated":
        """Those that keep the limits."""
        limits = np.array([limit for _, limit in question.limits], dtype=np.int64)[:, None]
        kept = (self.costs[1:] <= limits).all(axis=0)
        return Enumerated(self.bits[kept], self.a_bits[kept], self.costs[:, kept], self.omega[kept])

    def least(self, most: float = inf) -> float:
        """Least Ω within a cost."""
        return float(self.omega[self.costs[0] <= most].min(initial=inf))

    def frontier(self) -> list[tuple[int, float]]:
        """(cost, Ω) of every Pareto-optimal plan, cheapest first."""
        best: list[tuple[int, float]] = []
        for place in np.lexsort((self.omega, self.costs[0])):
            if not best or self.omega[place] < best[-1][1] - 1e-9:
                best.append((int(self.costs[0, place]), float(self.omega[place])))
        return best


@st.composite
def questions(
    draw: st.DrawFn,
    *,
    largest: int = 8,
    joint: bool | None = None,
    limits: int | None = None,
    monotone: bool | None = None,
) -> Question:
    """Questions with up to 4 options a block and 8 blocks; None: drawn."""
    names = tuple(f"b{index}" for index in range(draw(st.integers(1, largest))))
    both = draw(st.booleans()) if joint is None else joint
    menu = draw(_menus(2 if both else 4))
    a_menu = draw(_menus(2)) if both else ()
    some = st.sampled_from(names)
    keep = draw(st.dictionaries(some, st.sampled_from([*menu, 16]), max_size=1))
    minimum = draw(st.dictionaries(some, st.integers(1, menu[-1]), max_size=2))
    maximum = {n: max(b, minimum.get(n, 0)) for n, b in draw(_widest(some, menu)).items()}
    minimum = {n: b for n, b in minimum.items() if n not in keep and _fits(menu, b, maximum.get(n, 99))}
    maximum = {n: b for n, b in maximum.items() if n not in keep and _fits(menu, minimum.get(n, 0), b)}
    bounded = {*keep, *minimum, *maximum}
    free = [name for name in names if name not in bounded]
    ties = tuple(
        draw(st.lists(st.permutations(free).map(lambda p: tuple(p[:2])), max_size=2)) if free else ()
    )
    a_maximum = draw(_widest(some, a_menu)) if both else {}
    figures = st.floats(-10, 10, allow_nan=False).map(lambda value: round(value, 3))
    widths, inputs = sorted({*menu, *keep.values()}), a_menu or (8,)
    damage = DamageTable(
        {name: {bits: draw(figures) for bits in widths} for name in names},
        {name: draw(figures) for name in names},
        {},
        activation={name: {bits: draw(figures) for bits in a_menu} for name in names} if both else {},
    )
    tables = [
        draw(_tables(names, widths, inputs, name))
        for name in ("size", "bops", "latency")[: 1 + (draw(st.integers(0, 2)) if limits is None else limits)]
    ]
    spans = [
        (
            sum(min(_row(t, n, widths, inputs)) for n in names),
            sum(max(_row(t, n, widths, inputs)) for n in names),
        )
        for t in tables[1:]
    ]
    return Question(
        names,
        menu,
        a_menu,
        tables[0],
        damage,
        ties,
        keep,
        minimum,
        maximum,
        a_maximum,
        tuple((t, draw(st.integers(*span))) for t, span in zip(tables[1:], spans, strict=True)),
        draw(st.booleans()) if monotone is None else monotone,
    )


def _menus(most: int) -> st.SearchStrategy[tuple[int, ...]]:
    widths = st.sets(st.sampled_from([1, 2, 3, 4, 6, 8]), min_size=1, max_size=most)
    return widths.map(lambda found: tuple(sorted(found)))


def _widest(names: st.SearchStrategy[str], menu: tuple[int, ...]) -> st.SearchStrategy[dict[str, int]]:
    return st.dictionaries(names, st.integers(menu[0], 8), max_size=2)


def _fits(menu: tuple[int, ...], low: int, high: int) -> bool:
    return any(low <= bits <= high for bits in menu)


@st.composite
def _tables(
    draw: st.DrawFn, names: tuple[str, ...], widths: list[int], inputs: tuple[int, ...], name: str
) -> CostTable:
    """Costs by the weights' width, or by both; few distinct ones, many, or decimals."""
    by_pair, pairs = draw(st.booleans()), list(product(widths, inputs))
    if draw(st.booleans()):
        whole = st.integers(0, draw(st.sampled_from([3, 100, 10**9])))
        if by_pair:
            return CostTable(
                name, "units", {}, 1, {block: {pair: draw(whole) for pair in pairs} for block in names}
            )
        return CostTable(
            name, "units", {block: {width: draw(whole) for width in widths} for block in names}, 1
        )
    keys: list[int | tuple[int, int]] = [*pairs] if by_pair else [*widths]
    decimal = st.floats(0, 5, allow_nan=False).map(lambda value: round(value, 4))
    return measured_table(name, "ms", {block: {key: draw(decimal) for key in keys} for block in names})


def _row(table: CostTable, name: str, widths: list[int], inputs: tuple[int, ...]) -> list[int]:
    return [table.at(name, *pair) for pair in product(widths, inputs)]
