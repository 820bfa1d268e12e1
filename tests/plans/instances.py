"""Small problems and the brute force they are checked against."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from hypothesis import strategies as st

from explorer.blocks import Block, Layer
from explorer.plans import CostTable, DamageTable, Problem, build_problem, measured_table


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
