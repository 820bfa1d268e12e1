"""The greedy baseline, and what looking at fewer plans costs."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer import studies
from explorer.errors import PlanError
from explorer.plans import (
    Budget,
    CostTable,
    DamageTable,
    InfeasibleError,
    Problem,
    bops_table,
    build_problem,
    damage_table,
    enumerate_set_b,
    greedy,
    restriction,
    size_table,
    solve,
    study_problem,
)
from tests.examples import examples
from tests.plans.instances import Question, block, questions

ERRORS = {2: 9.0, 4: 1.0, 8: 0.0}


def _problem(**options: object) -> Problem:
    many = [block("a", 8), block("b", 16), block("c", 24)]
    arguments = {
        "menu": (2, 4, 8),
        "cost": size_table(many, (2, 4, 8)),
        "damage": damage_table({"a": 1.0, "b": 4.0, "c": 2.0}, {b.name: ERRORS for b in many}),
    }
    return build_problem(["a", "b", "c"], **(arguments | options))  # type: ignore[arg-type]


def test_the_path_is_the_one_worked_out_by_hand() -> None:
    """Damage added by byte saved: 8 to 4 bits 1/4, 4/8, 2/12 for a, b, c; 4 to 2 bits 8/2, 32/4, 16/6."""
    path = greedy(_problem())
    assert [tuple(point.bits.values()) for point in path.points()][::-1] == [
        (8, 8, 8),
        (8, 8, 4),
        (4, 8, 4),
        (4, 4, 4),
        (4, 4, 2),
        (2, 4, 2),
        (2, 2, 2),
    ]
    assert (np.diff(path.counts) > 0).all()
    assert path.best_under(Budget("at_most", 30)).bits == {"a": 4, "b": 4, "c": 4}


_STEPS = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 99)), min_size=3, max_size=3)


@given(st.lists(_STEPS, min_size=1, max_size=6))
@settings(max_examples=examples(100))
def test_every_plan_of_the_path_is_the_best_within_its_cost(steps: list[list[tuple[int, int]]]) -> None:
    """Dantzig's rule follows the lower hull of the exact frontier; what it lacks are the plans in between."""
    names = [f"b{index}" for index in range(len(steps))]
    widths = (2, 4, 6, 8)
    rising = [np.cumsum([0, *(step for step, _ in row)]) for row in steps]
    falling = [-np.cumsum([0, *(step for _, step in row)]) for row in steps]
    problem = build_problem(
        names,
        menu=widths,
        cost=CostTable("size", "bytes", _table(names, rising)),
        damage=DamageTable(
            {n: {w: float(v) for w, v in row.items()} for n, row in _table(names, falling).items()}, {}, {}
        ),
    )
    exact, path = solve(problem), greedy(problem)
    for count, omega in zip(path.counts, path.omega, strict=True):
        assert omega == exact.omega[exact.counts <= count].min()
    assert (restriction(exact, path).restricted >= exact.omega).all()


def _table(names: list[str], rows: list[np.ndarray]) -> dict[str, dict[int, int]]:
    return {
        name: dict(zip((2, 4, 6, 8), row.tolist(), strict=True))
        for name, row in zip(names, rows, strict=True)
    }


@given(questions(monotone=False))
@settings(max_examples=examples(60))
def test_the_path_ends_at_the_cheapest_plan_and_keeps_the_limits(question: Question) -> None:
    problem = question.problem()
    path = greedy(problem)
    for bound in problem.bounds:
        spent = path.figures(bound.cost) * bound.cost.divisor
        assert (spent <= bound.limit + 1e-6).all()
    if not problem.bounds:
        assert path.counts[0] == question.every_plan().costs[0].min()
    plans = question.every_plan()
    for count, omega in zip(path.counts, path.omega, strict=True):
        assert omega >= plans.least(count) - 1e-9


def test_the_path_is_part_of_the_exact_frontier_of_a_published_profile() -> None:
    problem = study_problem(studies.load("hawq-v3-resnet50"), bits=(2, 4, 6, 8))
    exact, path = solve(problem), greedy(problem)
    for point in path.points():
        within = exact.best_under(Budget("at_most", float(point.cost)))
        assert point.omega == pytest.approx(within.omega, rel=1e-9)


def test_a_monotone_path_stays_in_set_b() -> None:
    problem = study_problem(studies.load("hawq-v3-resnet18"), bits=(2, 4, 8), monotone=True)
    path = greedy(problem)
    allowed = {tuple(row) for row in enumerate_set_b(problem).bits.tolist()}
    assert {tuple(row) for row in path.bits.tolist()} <= allowed
    assert len(path) > 10


def test_plans_that_break_a_limit_are_not_on_the_curve() -> None:
    many = [block("a", 8, 10), block("b", 16, 10), block("c", 24, 10)]
    table = bops_table(many, (2, 4, 8))
    problem = _problem(constraints=[(table, Budget("at_most", 1_000))], a_bits=None)
    path = greedy(problem)
    assert 0 < len(path) < 7
    assert path.figures(table).max() <= 1_000
    nothing = greedy(_problem(constraints=[(table, Budget("at_most", 10))], a_bits=None))
    assert len(nothing) == 0
    with pytest.raises(InfeasibleError, match="none of these plans keeps the limits"):
        nothing.best_under(Budget("between", 1))


def test_set_b_costs_what_the_best_of_it_does_worse() -> None:
    """b is the most sensitive and the dearest to keep wide, so set B's order costs something."""
    problem = _problem(
        damage=damage_table(
            {"a": 1.0, "b": 4.0, "c": 2.0},
            {"a": ERRORS, "b": {2: 0.1, 4: 0.0, 8: 0.0}, "c": ERRORS},
        )
    )
    exact, set_b = solve(problem), enumerate_set_b(problem)
    compared = restriction(exact, set_b)
    assert np.array_equal(compared.cost, exact.cost)
    for cost, omega, least in zip(compared.cost, compared.exact, compared.restricted, strict=True):
        assert omega == exact.best_under(Budget("at_most", float(cost))).omega
        assert least == set_b.omega[set_b.cost <= cost].min()
    assert compared.worst[1] > 2
    assert 1 <= compared.median <= compared.worst[1]


def test_a_restriction_without_a_plan_so_cheap_is_infinite_there() -> None:
    wide = solve(_problem(minimum={"a": 8}))
    compared = restriction(solve(_problem()), wide)
    assert np.isinf(compared.restricted[0])
    assert np.isfinite(compared.ratio[-1]) or compared.exact[-1] == 0
    with pytest.raises(PlanError, match="different blocks"):
        restriction(
            solve(_problem()),
            greedy(
                build_problem(
                    ["a"],
                    menu=(4,),
                    cost=size_table([block("a", 1)], (4,)),
                    damage=damage_table({"a": 1.0}, {"a": {4: 1.0}}),
                )
            ),
        )
