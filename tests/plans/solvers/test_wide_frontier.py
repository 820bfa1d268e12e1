"""Activations chosen too, smallest and largest widths, several limits, the order: what brute force finds."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from explorer.errors import PlanError
from explorer.plans import (
    Budget,
    DamageTable,
    Frontier,
    InfeasibleError,
    bops_table,
    build_problem,
    enumerate_set_b,
    size_table,
    solve,
)
from explorer.plans.solvers import dominance, labels
from tests.examples import examples
from tests.plans.instances import Enumerated, Question, block, questions


def _same(frontier: Frontier, expected: list[tuple[int, float]]) -> None:
    # Floating sums in another order may part or merge plans whose Ω differs by a rounding error only.
    kept = [0, *(p for p in range(1, len(frontier)) if frontier.omega[p] < frontier.omega[p - 1] - 1e-9)]
    assert frontier.counts[kept].tolist() == [count for count, _ in expected]
    np.testing.assert_allclose(frontier.omega[kept], [omega for _, omega in expected], atol=1e-9)


def _check(question: Question, patches: dict[str, int] | None = None) -> None:
    plans = question.every_plan()
    allowed = plans.within(question)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (patches or {}).items():
            patch.setattr(dominance if hasattr(dominance, name) else labels, name, value)
        if not len(allowed.omega):
            with pytest.raises(InfeasibleError):
                solve(question.problem())
            return
        frontier = solve(question.problem())
    _same(frontier, allowed.frontier())
    assert frontier.exact
    assert frontier.search_space == len(plans.omega)
    assert _rows(frontier.bits, frontier.a_bits) <= _rows(allowed.bits, allowed.a_bits)
    assert np.array_equal(frontier.a_bits[0], [frontier.point(0).a_bits[name] for name in question.names])


def _rows(bits: np.ndarray, a_bits: np.ndarray) -> set[tuple[int, ...]]:
    return {tuple(row) for row in np.hstack([bits, a_bits]).tolist()}


@given(questions(limits=0, monotone=False))
@settings(max_examples=examples(60))
def test_joint_plans_and_bounded_widths(question: Question) -> None:
    _check(question)


@given(questions(monotone=False))
@settings(max_examples=examples(100))
def test_further_limits(question: Question) -> None:
    _check(question)


@given(questions(monotone=True))
@settings(max_examples=examples(60))
def test_the_monotone_order_with_limits(question: Question) -> None:
    """Every such question is a problem, and an order that no plan keeps is found to be in the way."""
    _check(question)


@given(questions(monotone=False, largest=7))
@settings(max_examples=examples(60))
def test_bounds_lose_no_plan(question: Question) -> None:
    """Where there are many labels they are bounded; here that is from the first on."""
    _check(question, {"MANY": -1})


@given(questions(largest=6), st.sampled_from([4, 16, 64]))
@settings(max_examples=examples(60))
def test_coarse_buckets_lose_no_plan(question: Question, cells: int) -> None:
    """Labels are compared on a grid; however coarse it is, only dominated ones fall."""
    _check(question, {"CELLS": cells})


@given(questions(), st.integers(1, 30), st.sampled_from([-1, 5_000]))
@settings(max_examples=examples(80))
def test_the_stated_error_holds_where_labels_are_merged(question: Question, most: int, many: int) -> None:
    """A plan that stays ``slack`` below its limits has a point as good that is at most ``resolution`` dearer."""
    allowed = question.every_plan().within(question)
    assume(len(allowed.omega))
    problem = question.problem()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labels, "LABELS", most)
        patch.setattr(labels, "MANY", many)
        patch.setattr(dominance, "DENSE_CELLS", -1)
        patch.setattr(dominance, "SPARSE_STATES", most)
        frontier = solve(problem)
    assert _rows(frontier.bits, frontier.a_bits) <= _rows(allowed.bits, allowed.a_bits), "limits are kept"
    dearer = frontier.resolution * problem.cost.divisor
    slack = [s * t.divisor for s, (t, _) in zip(frontier.slack, question.limits, strict=bool(frontier.slack))]
    below = np.ones(len(allowed.omega), dtype=bool)
    for costs, (_, limit), spare in zip(allowed.costs[1:], question.limits, slack, strict=False):
        below &= costs <= limit - spare + 1e-6
    for count, omega in zip(allowed.costs[0][below], allowed.omega[below], strict=True):
        assert ((frontier.counts <= count + dearer + 1e-6) & (frontier.omega <= omega + 1e-9)).any()


@given(questions(limits=1, monotone=True, joint=False, largest=5))
@settings(max_examples=examples(60))
def test_set_b_leaves_out_what_the_widths_and_the_limits_forbid(question: Question) -> None:
    allowed = question.every_plan().within(question)
    set_b = enumerate_set_b(question.problem())
    assert _rows(set_b.bits, set_b.a_bits) == _rows(allowed.bits, allowed.a_bits)
    assert len(set_b) == len(allowed.omega)
    by_plan = {
        tuple(b): (c, o)
        for b, c, o in zip(allowed.bits.tolist(), allowed.costs[0], allowed.omega, strict=True)
    }
    for bits, count, omega in zip(set_b.bits.tolist(), set_b.counts, set_b.omega, strict=True):
        assert count == by_plan[tuple(bits)][0]
        assert omega == pytest.approx(by_plan[tuple(bits)][1], abs=1e-9)


@given(questions(limits=0, monotone=True, joint=True, largest=4))
@settings(max_examples=examples(40))
def test_set_b_has_one_activation_width_a_plan(question: Question) -> None:
    set_b = enumerate_set_b(question.problem())
    plans = _rows(*(lambda e: (e.bits, e.a_bits))(question.every_plan()))
    assert _rows(set_b.bits, set_b.a_bits) <= plans
    if not question.a_maximum:
        assert (set_b.a_bits == set_b.a_bits[:, :1]).all()


def _two() -> dict:
    many = (block("a", 80, 100), block("b", 160, 50))
    errors = {name: {2: 1.0, 4: 0.1, 8: 0.0} for name in "ab"}
    return {
        "menu": (2, 4, 8),
        "cost": size_table(many, (2, 4, 8)),
        "damage": DamageTable(errors, {}, {}, activation={name: {4: 0.5, 8: 0.0} for name in "ab"}),
        "constraints": [(bops_table(many, (2, 4, 8), a_menu=(4, 8)), Budget("at_most", 3000))],
        "a_menu": (4, 8),
    }


def test_a_joint_plan_is_in_the_points_and_in_the_json() -> None:
    found = solve(build_problem(["a", "b"], **_two()))
    point = found.point(-1)
    spent = 100 * point.bits["a"] * point.a_bits["a"] + 50 * point.bits["b"] * point.a_bits["b"]
    assert spent <= 3000
    assert found.figures(found.problem.bounds[0].cost)[-1] == spent
    assert point.to_json()["a_bits"] == point.a_bits
    assert set(point.a_bits.values()) <= {4, 8}


def test_activations_that_are_not_chosen_have_their_width() -> None:
    arguments = _two() | {"a_menu": (), "constraints": []}
    given_width = solve(build_problem(["a", "b"], **arguments, a_bits=4)).point(0)
    assert given_width.a_bits == {"a": 4, "b": 4}
    assert "a_bits" not in given_width.to_json()
    assert given_width.omega == pytest.approx(2 * 1.0 + 2 * 0.5), "their damage counts all the same"
    following = solve(build_problem(["a", "b"], **arguments | {"damage": _weights_only()}, a_bits=None))
    assert following.point(0).a_bits == following.point(0).bits


def _weights_only() -> DamageTable:
    return DamageTable(_two()["damage"].values, {}, {})


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"minimum": {"a": 9}, "maximum": {}}, r"no width fits a \(at least a at 9; on offer: 2, 4, 8\)"),
        ({"minimum": {"a": 5}, "maximum": {"a": 7}}, "no width fits a .at least a at 5; at most a at 7"),
        ({"keep": {"a": 8}, "maximum": {"a": 4}}, "no width fits a .at most a at 4; kept: a at 8"),
        ({"ties": [("a", "b")], "minimum": {"a": 8}, "maximum": {"b": 4}}, "no width fits a, b"),
        ({"minimum": {"a": 0}}, "the smallest width of a cannot be 0 bits"),
        ({"maximum": {"c": 4}}, "there is no block c that could be given a largest width"),
        ({"a_maximum": {"a": 3}}, "no width fits activations of a"),
        ({"a_keep": {"a": 9}}, "the activations of a cannot be kept at 9 bits"),
        ({"a_menu": (), "a_keep": {"a": 8}}, "activations are not chosen; give a menu"),
        ({"damage": _weights_only()}, "no damage of the activations is known"),
        ({"a_menu": (), "a_bits": 9}, "activations cannot have 9 bits"),
        ({"a_menu": (3,)}, "no damage of the activations is known for a at 3 bits; its table has 4, 8"),
    ],
)
def test_wishes_that_contradict_themselves(options: dict, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        build_problem(["a", "b"], **(_two() | options))


def test_a_thinned_frontier_keeps_its_ends_and_its_shape() -> None:
    many = [block(f"b{index}", 9 * (index + 1)) for index in range(12)]
    errors = {b.name: {w: b.weights * 4.0**-w for w in (2, 3, 4, 6, 8)} for b in many}
    found = solve(
        build_problem(
            [b.name for b in many],
            menu=(2, 3, 4, 6, 8),
            cost=size_table(many, (2, 3, 4, 6, 8)),
            damage=DamageTable(errors, {}, {}),
        )
    )
    for most in (2, 7, 50, 10**6):
        chosen = found.thinned(most)
        assert len(chosen) <= most
        assert chosen[0] == 0
        assert chosen[-1] == len(found) - 1
        assert (np.diff(chosen) > 0).all()
    assert np.array_equal(found.thinned(len(found)), np.arange(len(found)))
    gaps = np.diff(np.log(found.omega[found.thinned(50)]))
    assert np.abs(gaps).max() < 0.2 * np.ptp(np.log(found.omega)), "no part of the line is left out"


def test_brute_force_is_no_program_of_ours() -> None:
    """The enumeration that the tests rest on, against a count by hand."""
    question = Question(
        ("a", "b"),
        (2, 4),
        (),
        size_table([block("a", 1), block("b", 2)], (2, 4)),
        DamageTable({"a": {2: 3.0, 4: 1.0}, "b": {2: 5.0, 4: 0.0}}, {"a": 0.0, "b": 1.0}, {}),
        *((), {}, {}, {}, {}, (), False),
    )
    plans = question.every_plan()
    assert isinstance(plans, Enumerated)
    assert plans.frontier() == [(6, 8.0), (8, 6.0), (10, 3.0), (12, 1.0)]
    assert plans.least(8) == 6.0
