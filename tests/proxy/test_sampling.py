"""The plans of the experiment: each is what its role says, by brute force on a small network."""

from itertools import pairwise, product

import numpy as np
import pytest

from explorer.errors import PlanError
from explorer.plans import DamageTable
from explorer.proxy import Sampled, sample_plans
from explorer.proxy.sampling import SET_B_CLOSE
from tests.plans.instances import block

MENU = (2, 4, 8)
SIZES = {"a": 40, "b": 64, "c": 16, "d": 120, "e": 80}
BLOCKS = tuple(block(name, weights) for name, weights in SIZES.items())
TRACES = {"a": 3.0, "b": 0.5, "c": 9.0, "d": 0.1, "e": 1.0}


def table(of: dict[str, float]) -> DamageTable:
    values = {name: {b: t * SIZES[name] * 4.0**-b for b in MENU} for name, t in of.items()}
    return DamageTable(values, of, {})


TABLES = {"trace": table(TRACES), "l2": table(dict.fromkeys(SIZES, 1.0))}
EVERY = [dict(zip(SIZES, bits, strict=True)) for bits in product(MENU, repeat=len(SIZES))]


def size(bits: dict[str, int]) -> int:
    return sum(SIZES[name] * width for name, width in bits.items())


def in_set_b(bits: dict[str, int]) -> bool:
    order = sorted(TRACES, key=TRACES.__getitem__)
    return all(bits[low] <= bits[high] for low, high in pairwise(order))


@pytest.fixture(scope="module")
def sampled() -> tuple[Sampled, ...]:
    return sample_plans(BLOCKS, TABLES, menu=MENU, plans=40, levels=4)


def by_role(sampled: tuple[Sampled, ...], kind: str) -> dict[int | None, dict[str, int]]:
    return {
        level: dict(zip(SIZES, plan.bits, strict=True))
        for plan in sampled
        for role, level in plan.roles
        if role == kind
    }


def test_every_plan_comes_once_with_its_size(sampled: tuple[Sampled, ...]) -> None:
    assert len(sampled) == len({plan.bits for plan in sampled}) == 40
    for plan in sampled:
        assert plan.count == size(dict(zip(SIZES, plan.bits, strict=True)))
        assert set(plan.bits) <= set(MENU)
    assert sorted(p.bits for p in sampled if ("uniform", None) in p.roles) == [(b,) * 5 for b in MENU]


@pytest.mark.parametrize("measure", ["trace", "l2"])
def test_the_least_damaging_of_a_size_is_found(sampled: tuple[Sampled, ...], measure: str) -> None:
    targets = {level: size(bits) for level, bits in by_role(sampled, "least trace").items()}
    assert len(targets) == 3
    for level, bits in by_role(sampled, f"least {measure}").items():
        least = min(TABLES[measure].omega(plan) for plan in EVERY if size(plan) <= targets[level])
        assert TABLES[measure].omega(bits) == pytest.approx(least)
        assert size(bits) <= targets[level]


def test_the_most_damaging_of_a_size_is_found(sampled: tuple[Sampled, ...]) -> None:
    targets = {level: size(bits) for level, bits in by_role(sampled, "least trace").items()}
    for level, bits in by_role(sampled, "most trace").items():
        most = max(TABLES["trace"].omega(plan) for plan in EVERY if size(plan) >= targets[level])
        assert TABLES["trace"].omega(bits) == pytest.approx(most)
        assert size(bits) >= targets[level]


def test_set_bs_worst_is_of_set_b_and_of_the_size(sampled: tuple[Sampled, ...]) -> None:
    targets = {level: size(bits) for level, bits in by_role(sampled, "least trace").items()}
    for level, bits in by_role(sampled, "set B").items():
        near = [
            plan
            for plan in EVERY
            if in_set_b(plan) and abs(size(plan) - targets[level]) <= SET_B_CLOSE * targets[level]
        ]
        assert bits in near
        assert TABLES["trace"].omega(bits) == pytest.approx(max(TABLES["trace"].omega(p) for p in near))


def test_random_plans_are_of_every_size_and_follow_the_seed() -> None:
    large = tuple(block(f"b{i}", 50 + 17 * i) for i in range(14))
    names = {b.name: b.weights for b in large}
    damage = DamageTable(
        {n: {b: w * 4.0**-b * (1 + i % 3) for b in MENU} for i, (n, w) in enumerate(names.items())},
        dict.fromkeys(names, 1.0),
        {},
    )
    first, again, other = (
        sample_plans(large, {"trace": damage}, menu=MENU, plans=60, seed=seed, levels=5) for seed in (1, 1, 2)
    )
    assert first == again
    assert {p.bits for p in first} != {p.bits for p in other}
    assert len(first) == 60
    targets = {level: p.count for p in first for kind, level in p.roles if kind == "least trace"}
    off = [abs(p.count / targets[level] - 1) for p in first for kind, level in p.roles if kind == "random"]
    assert {level for p in first for kind, level in p.roles if kind == "random"} == set(targets)
    assert np.quantile(off, 0.9) <= 0.01


def test_fewer_plans_than_asked_for_are_all_there_are() -> None:
    two = BLOCKS[:2]
    tables = {"trace": DamageTable({b.name: TABLES["trace"].values[b.name] for b in two}, TRACES, {})}
    assert len(sample_plans(two, tables, menu=MENU, plans=50, levels=2)) <= 9
    with pytest.raises(PlanError, match="offer more widths"):
        sample_plans(two, tables, menu=(4,), plans=5)
