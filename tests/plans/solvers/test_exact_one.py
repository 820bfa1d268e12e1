"""The integer programme finds what going through every plan finds, and what the frontier says; the papers' plans."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from explorer import studies
from explorer.errors import PlanError
from explorer.plans import (
    Budget,
    CostTable,
    InfeasibleError,
    Limit,
    bops_table,
    build_problem,
    damage_table,
    size_bytes,
    size_table,
    solve,
    solve_one,
    study_problem,
)
from explorer.studies import ProfileStudy
from tests.examples import examples
from tests.plans.instances import Question, block, questions


@given(questions(), st.floats(0, 1))
@settings(max_examples=examples(80))
def test_it_is_what_brute_force_finds(question: Question, share: float) -> None:
    plans = question.every_plan().within(question)
    problem = question.problem()
    low, high = problem.extreme("lowest"), problem.extreme("highest")
    most = round(low + share * (high - low))
    budget = Limit("size", Budget("at_most", most / problem.cost.divisor))
    least = plans.least(most)
    if np.isinf(least):
        with pytest.raises(InfeasibleError):
            solve_one(problem, [budget])
        return
    found = solve_one(problem, [budget])
    assert found.point.omega == pytest.approx(least, abs=1e-9)
    assert found.gap == 0
    assert found.certificate.bound == pytest.approx(least, abs=1e-6)
    assert problem.cost.count(found.point.bits, found.point.a_bits) <= most
    for table, limit in question.limits:
        assert table.count(found.point.bits, found.point.a_bits) <= limit


@given(questions(largest=5))
@settings(max_examples=examples(60))
def test_the_binding_limits_explain_the_plan(question: Question) -> None:
    """With them alone Ω is as large; without any one of them it is less."""
    plans = question.every_plan()
    limits = np.array([limit for _, limit in question.limits])
    kept = plans.costs[1:] <= limits[:, None]
    names = [table.name for table, _ in question.limits]
    assume(kept.all(axis=0).any())
    found = solve_one(question.problem())

    def least(which: tuple[str, ...]) -> float:
        rows = [names.index(name) for name in which]
        return float(plans.omega[kept[rows].all(axis=0)].min())

    assert least(found.binding) == pytest.approx(found.point.omega, abs=1e-7)
    for spared in found.binding:
        assert least(tuple(name for name in found.binding if name != spared)) < found.point.omega - 1e-7


@given(questions(largest=5, limits=2))
@settings(max_examples=examples(80))
def test_what_is_in_the_way_is_what_brute_force_finds(question: Question) -> None:
    """Each limit's loosening alone, and the plan that breaks the limits by the least shares of them."""
    plans = question.every_plan()
    assume(len(plans.omega) and not len(plans.within(question).omega))
    with pytest.raises(InfeasibleError) as caught:
        solve_one(question.problem())
    error = caught.value
    limits = np.array([limit for _, limit in question.limits])[:, None]
    kept = plans.costs[1:] <= limits
    for number, (table, _) in enumerate(question.limits):
        others = np.delete(kept, number, axis=0).all(axis=0)
        if others.any():
            needed = plans.costs[1 + number, others].min()
            assert error.loosened[table.name] == pytest.approx(needed / table.divisor)
        else:
            assert table.name not in error.loosened
    assert error.binding == (tuple(error.loosened) or tuple(table.name for table, _ in question.limits))
    assert error.nearest is not None
    lowest = [abs(question.problem().extreme("lowest", table)) for table, _ in question.limits]
    scale = np.maximum(np.maximum(limits[:, 0], lowest), 1)[:, None]
    broken = (np.maximum(plans.costs[1:] - limits, 0) / scale).sum(axis=0)
    near = np.array([table.count(error.nearest.bits, error.nearest.a_bits) for table, _ in question.limits])
    mine = (np.maximum(near[:, None] - limits, 0) / scale).sum()
    assert mine == pytest.approx(broken.min(), rel=1e-3, abs=1e-6)


def test_the_nearest_plan_counts_what_is_over_in_full() -> None:
    """Seven over of a hundred is nearer than one over of ten."""
    names = ("a", "b")
    axis = CostTable("size", "ms", {name: {1: 0, 2: 0} for name in names}, 1)
    first = CostTable("bops", "ms", {"a": {1: 11, 2: 10}, "b": {1: 0, 2: 0}}, 1)
    second = CostTable("latency", "ms", {"a": {1: 60, 2: 67}, "b": {1: 40, 2: 41}}, 1)
    problem = build_problem(
        names,
        menu=(1, 2),
        cost=axis,
        damage=damage_table(dict.fromkeys(names, 1.0), {name: {1: 1.0, 2: 0.0} for name in names}),
        constraints=[(first, Budget("at_most", 10)), (second, Budget("at_most", 100))],
    )
    with pytest.raises(InfeasibleError) as caught:
        solve_one(problem)
    assert caught.value.nearest is not None
    assert caught.value.nearest.bits == {"a": 2, "b": 1}


@pytest.mark.parametrize(
    ("name", "cost", "bits"),
    [
        ("hawq-v3-resnet18", "size", (4, 8)),
        ("hawq-v3-resnet18", "size", (2, 3, 4, 5, 6, 7, 8)),
        ("hawq-v3-resnet18", "bops", (2, 4, 6, 8)),
        ("hawq-v3-resnet18", "latency", (4, 8)),
        ("hawq-v3-resnet50", "size", (4, 8)),
        ("hawq-v3-resnet50", "bops", (2, 4, 6, 8)),
        ("hawq-v3-resnet50", "latency", (4, 8)),
    ],
)
def test_it_agrees_with_the_frontier_at_a_hundred_random_budgets(
    name: str, cost: str, bits: tuple[int, ...]
) -> None:
    """On both published profiles; the plans are the same, block by block."""
    problem = study_problem(studies.load(name), bits=bits, cost=cost)
    frontier = solve(problem)
    assert frontier.exact
    for share in np.random.default_rng(0).uniform(0, 1, 100 if len(bits) < 7 else 30):
        budget = Budget("between", float(share))
        found = solve_one(problem, [Limit(cost, budget)])  # type: ignore[arg-type]
        point = frontier.best_under(budget)
        assert found.gap == 0
        assert found.point.omega == pytest.approx(point.omega, rel=1e-12)
        assert found.point.bits == point.bits


@pytest.fixture(scope="module")
def resnet18() -> ProfileStudy:
    study = studies.load("hawq-v3-resnet18")
    assert isinstance(study, ProfileStudy)
    return study


@pytest.mark.parametrize("cost", ["size", "bops", "latency"])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
@pytest.mark.parametrize("axis", ["size", "bops", "latency"])
def test_the_nine_published_plans_come_out_of_a_limit(
    resnet18: ProfileStudy, cost: str, share: float, axis: str
) -> None:
    """HAWQ-V3's plans, where their cost is the axis, and where it is a limit beside another axis."""
    published = resnet18.published_plans[f"{'modelsize' if cost == 'size' else cost}_{share}"]
    limit = Limit(cost, Budget("between", share))  # type: ignore[arg-type]
    problem = study_problem(resnet18, cost=axis, constraints=[limit])
    frontier = solve(problem)
    assert frontier.exact
    assert frontier.point(-1).bits == published
    solution = solve_one(problem)
    assert solution.point.bits == published
    assert solution.binding == (cost,)


def test_all_three_limits_at_once(resnet18: ProfileStudy) -> None:
    """Half way of size, BOPs and latency together, by frontier, programme, and all 2^16 plans."""
    half = Budget("between", 0.5)
    limits = [Limit(name, half) for name in ("size", "bops", "latency")]
    problem = study_problem(resnet18, constraints=limits)
    tables = [bound.cost for bound in problem.bounds]
    sums = [np.zeros(1, dtype=np.int64) for _ in tables]
    omega = np.zeros(1)
    for group in problem.groups:
        omega = np.add.outer(np.array(group.omegas), omega).ravel()
        sums = [np.add.outer(np.array(row), s).ravel() for row, s in zip(group.further, sums, strict=True)]
    kept = np.all([s <= bound.limit for s, bound in zip(sums, problem.bounds, strict=True)], axis=0)
    assert len(omega) == 2**16
    found = solve_one(problem)
    assert found.point.omega == pytest.approx(omega[kept].min(), rel=1e-12)
    frontier = solve(problem)
    assert frontier.point(-1).bits == found.point.bits
    for bound in problem.bounds:
        assert bound.cost.count(found.point.bits, found.point.a_bits) <= bound.limit
    assert size_bytes(resnet18.blocks(), found.point.bits) <= problem.limit(half) / 8


def _three() -> dict:
    many = [block(name, 80, 100) for name in "abc"]
    errors = {name: {2: 1.0, 4: 0.1, 8: 0.0} for name in "abc"}
    return {
        "menu": (2, 4, 8),
        "cost": size_table(many, (2, 4, 8)),
        "damage": damage_table(dict.fromkeys("abc", 1.0), errors),
        "a_bits": None,
        "constraints": [(bops_table(many, (2, 4, 8)), Budget("at_most", 4000))],
    }


@pytest.mark.parametrize(
    ("budgets", "constraints", "sentence"),
    [
        (
            [59.9],
            [],
            "no plan fits: the smallest needs 60.0 bytes, the limit is 59.9; raise it or allow fewer bits",
        ),
        ([50], [4000], "raise size to 60 bytes, or allow fewer bits"),
        ([500], [1000], "raise bit operations to 1,200 BOPs, or allow fewer bits"),
        (
            [50],
            [1000],
            "no single limit is to blame, and the nearest plan takes bit operations of 1,200 BOPs and size of 60 bytes",
        ),
    ],
)
def test_an_infeasible_ask_is_answered(budgets: list[float], constraints: list[float], sentence: str) -> None:
    arguments = _three()
    table = arguments["constraints"][0][0]
    arguments["constraints"] = [(table, Budget("at_most", limit)) for limit in constraints]
    problem = build_problem(["a", "b", "c"], **arguments)
    with pytest.raises(InfeasibleError, match=sentence) as caught:
        solve_one(problem, [(problem.cost, limit) for limit in budgets])
    assert caught.value.nearest is not None
    assert caught.value.nearest.bits == {"a": 2, "b": 2, "c": 2}
    assert "\n" not in str(caught.value)


def test_the_frontier_says_the_same_of_limits_that_nothing_keeps() -> None:
    arguments = _three()
    arguments["constraints"] = [(arguments["constraints"][0][0], Budget("at_most", 1000))]
    with pytest.raises(
        InfeasibleError, match="the smallest needs 1,200 BOPs, the limit is 1,000; raise it"
    ) as caught:
        solve(build_problem(["a", "b", "c"], **arguments))
    assert caught.value.binding == ("bops",)
    assert caught.value.loosened == {"bops": 1200.0}


def test_an_order_that_the_widths_forbid_is_said() -> None:
    arguments = _three() | {"damage": damage_table({"a": 1.0, "b": 2.0, "c": 3.0}, _three()["damage"].values)}
    problem = build_problem(["a", "b", "c"], **arguments, monotone=True, minimum={"a": 8}, maximum={"c": 4})
    for ask in (solve, solve_one):
        with pytest.raises(InfeasibleError, match="no plan keeps the monotone order"):
            ask(problem)


def test_a_cost_without_its_table_is_refused() -> None:
    problem = build_problem(["a", "b", "c"], **_three())
    assert solve_one(problem, [Limit("bops", Budget("at_most", 1200))]).point.omega == pytest.approx(3.0)
    with pytest.raises(PlanError, match="the problem has no table of latency; give the table"):
        solve_one(problem, [Limit("latency", Budget("at_most", 1))])
