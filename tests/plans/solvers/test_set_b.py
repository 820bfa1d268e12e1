"""Set B has as many plans as the formula says, each once, each monotone, each with its own cost and Ω."""

import time

import numpy as np
import pytest
from hypothesis import given, settings

from explorer.errors import PlanError
from explorer.plans import Problem, build_problem, count, damage_table, enumerate_set_b, size_table
from tests.examples import examples
from tests.plans.instances import block, every_plan, problems


def test_the_papers_count_for_fifty_blocks_and_four_widths() -> None:
    """HAWQ-V2, section 2.3: |B| = 2.3e4 for ResNet-50 with 1, 2, 4, 8 bits."""
    assert count(50, 4) == 23_426
    assert count(54, 4) == 29_260
    assert count(20, 4) == 1_771
    assert count(20, 5) == 10_626
    assert count(0, 4) == count(7, 1) == 1


@given(problems(monotone=True))
@settings(max_examples=examples(100), deadline=None)
def test_the_enumeration_is_that_of_brute_force(problem: Problem) -> None:
    set_b = enumerate_set_b(problem)
    expected = {tuple(plan.values()): plan for plan in every_plan(problem)}
    assert len(set_b) == len(expected) == count(len(problem.free), len(problem.menu))
    for index, row in enumerate(set_b.bits.tolist()):
        plan = expected.pop(tuple(row))
        assert plan == set_b.bits_of(index)
        assert set_b.counts[index] == problem.cost.count(plan)
        assert set_b.omega[index] == pytest.approx(problem.damage.omega(plan), abs=1e-9)
    assert not expected


def _of_length(length: int, menu: tuple[int, ...]) -> Problem:
    many = [block(f"b{index}", 100 + index) for index in range(length)]
    traces = {b.name: float(1 + (7 * index) % length) for index, b in enumerate(many)}
    errors = {b.name: {bits: 4.0**-bits for bits in menu} for b in many}
    return build_problem(
        [b.name for b in many], menu=menu, cost=size_table(many, menu), damage=damage_table(traces, errors)
    )


def test_all_of_fifty_blocks_are_enumerated_within_a_second() -> None:
    began = time.process_time()
    set_b = enumerate_set_b(_of_length(50, (1, 2, 4, 8)))
    assert time.process_time() - began < 1
    assert set_b.bits.shape == (23_426, 50)
    assert len(np.unique(set_b.bits, axis=0)) == 23_426


def test_the_most_sensitive_block_comes_first_in_the_order_and_gets_most_bits() -> None:
    set_b = enumerate_set_b(_of_length(5, (2, 4, 8)))
    traces = {"b0": 1, "b1": 3, "b2": 5, "b3": 2, "b4": 4}
    assert set_b.order == tuple(sorted(traces, key=lambda name: -traces[name]))
    along = set_b.bits[:, [int(name[1]) for name in set_b.order]].astype(int)
    assert (np.diff(along, axis=1) <= 0).all()


def test_tied_blocks_stand_at_their_mean_trace_weighted_by_their_weights() -> None:
    many = [block("a", 30), block("b", 10), block("c", 10)]
    errors = {b.name: dict.fromkeys((4, 8), 1.0) for b in many}
    problem = build_problem(
        ["a", "b", "c"],
        menu=(4, 8),
        cost=size_table(many, (4, 8)),
        damage=damage_table({"a": 1.0, "b": 9.0, "c": 4.0}, errors),
        weights={b.name: b.weights for b in many},
        ties=[("a", "b")],
    )
    assert problem.free[0].sensitivity == pytest.approx(3.0)  # (30·1 + 10·9) / 40, below c
    assert enumerate_set_b(problem).order == ("c", "a", "b")


def test_too_large_a_set_is_refused_with_its_size() -> None:
    with pytest.raises(PlanError, match="has 40,475,358 plans, more than the 2,000,000 that are enumerated"):
        enumerate_set_b(_of_length(52, (1, 2, 3, 4, 5, 6, 8)))
