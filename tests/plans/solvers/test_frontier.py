"""The frontier is what going through every plan finds, and the bits it names weigh what it says."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.errors import PlanError
from explorer.plans import (
    Budget,
    Frontier,
    Problem,
    build_problem,
    damage_table,
    measured_table,
    size_table,
    solve,
)
from explorer.plans.solvers import dominance
from tests.examples import examples
from tests.plans.instances import block, brute_force, every_plan, problems


def _same(frontier: Frontier, expected: list[tuple[int, float]]) -> None:
    # Floating sums in another order may part or merge plans whose Ω differs by a rounding error only.
    kept = [
        place
        for place in range(len(frontier))
        if place == 0 or frontier.omega[place] < frontier.omega[place - 1] - 1e-9
    ]
    assert frontier.counts[kept].tolist() == [count for count, _ in expected]
    np.testing.assert_allclose(frontier.omega[kept], [omega for _, omega in expected], atol=1e-9)


@given(problems())
@settings(max_examples=examples(150), deadline=None)
def test_the_frontier_is_that_of_brute_force(problem: Problem) -> None:
    frontier = solve(problem)
    _same(frontier, brute_force(problem))
    assert frontier.resolution == 0
    assert frontier.search_space == sum(1 for _ in every_plan(problem))


@given(problems())
@settings(max_examples=examples(60), deadline=None)
def test_the_sorted_way_agrees_with_the_dense_way(problem: Problem) -> None:
    costs = [group.counts for group in problem.groups]
    damages = [group.omegas for group in problem.groups]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dominance, "DENSE_CELLS", -1)
        sparse = dominance.non_dominated(costs, damages, rounding=0)
    picked = sum(np.array(cost)[sparse.picks[:, g]] for g, cost in enumerate(costs))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dominance, "DENSE_CELLS", -1)
        _same(solve(problem), brute_force(problem))
    assert sparse.error == 0
    assert (np.diff(picked) > 0).all()


@given(problems(monotone=True))
@settings(max_examples=examples(80), deadline=None)
def test_the_monotone_frontier_is_that_of_brute_force_over_set_b(problem: Problem) -> None:
    frontier = solve(problem)
    _same(frontier, brute_force(problem))
    assert frontier.search_space == sum(1 for _ in every_plan(problem))


@given(problems())
@settings(max_examples=examples(50), deadline=None)
def test_the_bits_of_a_point_are_allowed_and_have_its_cost_and_omega(problem: Problem) -> None:
    plans = list(every_plan(problem))
    for point in solve(problem).points():
        assert point.bits in plans
        assert problem.cost.in_unit(problem.cost.count(point.bits)) == point.cost
        assert problem.damage.omega(point.bits) == pytest.approx(point.omega, abs=1e-12)


@given(problems(), st.floats(0, 1))
@settings(max_examples=examples(80), deadline=None)
def test_a_budget_gets_the_least_damage_within_it(problem: Problem, share: float) -> None:
    low, high = problem.extreme("lowest"), problem.extreme("highest")
    budget = Budget("at_most", (low + share * (high - low)) / problem.cost.divisor)
    limit = problem.limit(budget)
    within = [problem.damage.omega(p) for p in every_plan(problem) if problem.cost.count(p) <= limit]
    if within:
        point = solve(problem).best_under(budget)
        assert problem.cost.count(point.bits) <= limit
        assert point.omega == pytest.approx(min(within), abs=1e-9)
    else:
        with pytest.raises(PlanError, match="the smallest needs"):
            solve(problem).best_under(budget)


@given(problems(), st.integers(1, 2000), st.sampled_from([0, 3, 40_000]))
@settings(max_examples=examples(80), deadline=None)
def test_the_stated_resolution_holds(problem: Problem, asked: int, states: int) -> None:
    """For every plan there is a point with no more damage that is at most ``resolution`` dearer."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dominance, "DENSE_CELLS", -1)
        patch.setattr(dominance, "SPARSE_STATES", max(states, 1))
        wanted = None if states else asked / problem.cost.divisor
        frontier = solve(problem, resolution=wanted)
    bound = round(frontier.resolution * problem.cost.divisor)
    if wanted is not None:
        assert bound <= asked
    for plan in every_plan(problem):
        count, omega = problem.cost.count(plan), problem.damage.omega(plan)
        assert ((frontier.counts <= count + bound) & (frontier.omega <= omega + 1e-9)).any()
    assert frontier.counts[0] == brute_force(problem)[0][0]  # what is feasible stays exact


def _instance(length: int, menu: tuple[int, ...], *, latency: bool = False, seed: int = 0) -> Problem:
    rng = np.random.default_rng(seed)
    many = [block(f"b{index}", 9 * 16 * int(rng.integers(1, 4000))) for index in range(length)]
    errors = {b.name: {w: b.weights * 4.0**-w * rng.uniform(0.8, 1.2) for w in menu} for b in many}
    times = {b.name: dict(zip(menu, np.sort(rng.uniform(0.01, 1, len(menu))), strict=True)) for b in many}
    return build_problem(
        [b.name for b in many],
        menu=menu,
        cost=measured_table("latency", "ms", times) if latency else size_table(many, menu),
        damage=damage_table({b.name: 10 ** rng.uniform(-3, 0) for b in many}, errors),
    )


@pytest.mark.parametrize("latency", [False, True])
def test_fifty_two_blocks_and_seven_widths_are_exact_and_quick(latency: bool) -> None:
    """A page calls it; the limit is several times what one idle core takes, for machines that are busy."""
    problem = _instance(52, (2, 3, 4, 5, 6, 7, 8), latency=latency)
    began = time.process_time()
    frontier = solve(problem)
    assert time.process_time() - began < 2
    assert frontier.resolution == 0
    assert frontier.search_space == 7**52
    assert (np.diff(frontier.counts) > 0).all()
    assert (np.diff(frontier.omega) < 0).all()


def test_budgets_mean_what_they_say() -> None:
    many = [block("a", 80), block("b", 160)]
    errors = {name: {2: 1.0, 4: 0.1, 8: 0.0} for name in ("a", "b")}
    problem = build_problem(
        ["a", "b"],
        menu=(2, 4, 8),
        cost=size_table(many, (2, 4, 8)),
        damage=damage_table({"a": 1.0, "b": 1.0}, errors),
    )
    frontier = solve(problem)
    assert frontier.best_under(Budget("ratio", 8)).cost == 240 * 4 // 8
    assert frontier.best_under(Budget("between", 0)).bits == {"a": 2, "b": 2}
    assert frontier.best_under(Budget("between", 1)).bits == {"a": 8, "b": 8}
    assert frontier.best_under(Budget("at_most", 120)).bits == {"a": 4, "b": 4}
    assert frontier.best_under(Budget("at_most", 119.9)).cost < 120
    assert frontier.nearest(121).cost == 120
    said = frontier.to_json(Budget("ratio", 8))
    assert said["chosen"] == {"cost": 120, "omega": pytest.approx(0.2), "bits": {"a": 4, "b": 4}}
    assert said["search_space"] == "9"
    assert len(said["points"]) == len(frontier)
    with pytest.raises(
        PlanError,
        match="no plan fits: the smallest needs 60 bytes, the budget is 50; raise it or allow fewer bits",
    ):
        frontier.best_under(Budget("at_most", 50))


def test_a_kept_block_counts_at_its_width_in_both_ends_of_a_fraction() -> None:
    many = [block("a", 80), block("b", 160)]
    errors = {name: {2: 1.0, 8: 0.0} for name in ("a", "b")}
    problem = build_problem(
        ["a", "b"],
        menu=(2, 8),
        cost=size_table(many, (2, 8)),
        damage=damage_table({"a": 1.0, "b": 1.0}, errors),
        keep={"a": 8},
    )
    assert solve(problem).best_under(Budget("between", 0)).bits == {"a": 8, "b": 2}


@pytest.mark.parametrize(
    ("kind", "value"), [("ratio", 0), ("ratio", -1), ("between", 1.5), ("at_most", float("nan"))]
)
def test_budgets_that_mean_nothing_are_refused(kind: str, value: float) -> None:
    with pytest.raises(PlanError, match="budget"):
        Budget(kind, value)  # type: ignore[arg-type]


def test_the_standard_error_of_omega_is_that_of_independent_blocks() -> None:
    many = [block("a", 8), block("b", 8)]
    damage = damage_table({"a": 1.0, "b": 2.0}, {"a": {4: 3.0}, "b": {4: 0.5}}, stderr={"a": 0.1, "b": 0.8})
    problem = build_problem(["a", "b"], menu=[4], cost=size_table(many, [4]), damage=damage)
    assert solve(problem).stderr() == pytest.approx([0.5])
    assert damage.omega_stderr({"a": 4, "b": 4}) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"menu": []}, "the menu of bit widths is empty"),
        ({"menu": [4, 9]}, "the menu cannot offer 9 bits; a width is one of 1 to 8, 16 and 32 bits"),
        ({"keep": {"c": 4}}, "there is no block c that could be kept; the blocks are a, b"),
        ({"keep": {"a": 9}}, "the block a cannot be kept at 9 bits"),
        ({"ties": [("a", "c")]}, "there is no block c that could be tied"),
        ({"ties": [("a", "b")], "keep": {"a": 4, "b": 8}}, r"different widths \(a at 4, b at 8\)"),
        ({"menu": [2]}, "no damage is known for a at 2 bits; its table has 4, 8, 32"),
    ],
)
def test_what_contradicts_itself_is_refused_in_one_sentence(options: dict, sentence: str) -> None:
    many = [block("a", 8), block("b", 8)]
    errors = {name: {4: 1.0, 8: 0.1} for name in ("a", "b")}
    arguments = {
        "menu": [4, 8],
        "cost": size_table(many, [2, 4, 8]),
        "damage": damage_table({"a": 1.0, "b": 1.0}, errors),
    }
    with pytest.raises(PlanError, match=sentence):
        build_problem(["a", "b"], **(arguments | options))


def test_a_resolution_below_zero_is_refused() -> None:
    with pytest.raises(PlanError, match="a resolution of -1"):
        solve(_instance(2, (4, 8)), resolution=-1)


@given(problems())
@settings(max_examples=examples(40), deadline=None)
def test_a_plan_is_found_where_it_stands_and_nowhere_else(problem: Problem) -> None:
    frontier = solve(problem)
    for point in frontier.points():
        assert frontier.find(point.bits) == point.index
    there = [point.bits for point in frontier.points()]
    assert all(frontier.find(bits) is None for bits in every_plan(problem) if bits not in there)
    assert frontier.find({"no such block": 4}) is None
