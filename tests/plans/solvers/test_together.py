"""The least quadratic form against going through every plan; the bound is below all of them."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from explorer.errors import PlanError
from explorer.plans import (
    Budget,
    CostTable,
    DamageTable,
    InfeasibleError,
    Limit,
    Problem,
    build_problem,
    least_together,
)
from explorer.plans.damage.interactions import Interactions
from tests.examples import examples
from tests.plans.instances import every_plan, problems

WIDTHS = (1, 2, 3, 4, 6, 8, 16)


def form_of(problem: Problem, seed: int, rank: int, convex: bool) -> Interactions:
    """Parts at random, of two samples: of low rank, with strong terms between blocks of either sign."""
    source = torch.Generator().manual_seed(seed)
    shape = (2, len(problem.blocks), len(WIDTHS), rank)
    parts = torch.randn(shape, generator=source, dtype=torch.float64)
    signs = torch.ones(2, rank, dtype=torch.float64)
    if not convex:
        signs[:, 0] = -1
    return Interactions(problem.blocks, WIDTHS, parts, signs, "tangents", 2, 0.0)


@st.composite
def instances(draw: st.DrawFn) -> tuple[Problem, Interactions, int, float]:
    """A problem, a form, a limit of the cost, and the least form within it; inf for no plan."""
    problem = draw(problems(monotone=draw(st.booleans()), largest=5))
    form = form_of(problem, draw(st.integers(0, 999)), draw(st.integers(1, 3)), draw(st.booleans()))
    low, high = problem.extreme("lowest"), problem.extreme("highest")
    most = round(low + draw(st.floats(-0.05, 1)) * (high - low))
    values = [form.value_of(bits).value for bits in every_plan(problem) if problem.cost.count(bits) <= most]
    return problem, form, most, min(values, default=np.inf)


def within(problem: Problem, most: int) -> list[Limit]:
    return [Limit(problem.cost.name, Budget("at_most", most / problem.cost.divisor))]  # type: ignore[arg-type]


@given(instances())
@settings(max_examples=examples(60), deadline=None)
def test_it_is_what_brute_force_finds(instance: tuple[Problem, Interactions, int, float]) -> None:
    """With ties, kept blocks, the monotone order, and forms that are not convex."""
    problem, form, most, least = instance
    if np.isinf(least):
        with pytest.raises(InfeasibleError):
            least_together(problem, form, within(problem, most))
        return
    found = least_together(problem, form, within(problem, most), nodes=2000)
    assert found.point.omega == pytest.approx(least, abs=1e-7)
    assert found.damage == form.value_of(found.point.bits)
    assert found.gap == pytest.approx(0, abs=1e-6)
    assert found.certificate.bound == pytest.approx(least, abs=1e-6)
    assert problem.cost.count(found.point.bits) <= most
    assert found.point.bits in list(every_plan(problem))


@given(instances())
@settings(max_examples=examples(30), deadline=None)
def test_a_search_that_ends_early_has_a_bound_that_holds(
    instance: tuple[Problem, Interactions, int, float],
) -> None:
    problem, form, most, least = instance
    assume(np.isfinite(least))
    found = least_together(problem, form, within(problem, most), nodes=1)
    assert found.certificate.bound <= least + 1e-7 * (1 + abs(least))
    assert found.point.omega >= least - 1e-7
    assert found.gap == pytest.approx(
        max(found.point.omega - found.certificate.bound, 0) / max(abs(found.point.omega), 1e-12), abs=1e-6
    )


def test_what_it_cannot_do_is_said() -> None:
    names = ["a", "b"]
    table = CostTable("size", "bytes", {name: {2: 2, 4: 4} for name in names}, 8)
    zero = {name: {2: 0.0, 4: 0.0} for name in names}
    damage = DamageTable(zero, dict.fromkeys(names, 0.0), {}, activation=zero)
    joint = build_problem(names, menu=(2, 4), a_menu=(2, 4), cost=table, damage=damage)
    plain = build_problem(
        names,
        menu=(2, 4, 5),
        cost=CostTable("size", "bytes", {n: {2: 2, 4: 4, 5: 5} for n in names}, 8),
        damage=DamageTable({n: {2: 0.0, 4: 0.0, 5: 0.0} for n in names}, {}, {}),
    )
    form = form_of(joint, 0, 2, True)
    with pytest.raises(PlanError, match="known for weights alone"):
        least_together(joint, form)
    with pytest.raises(PlanError, match="known for a at 5 bits"):
        least_together(plain, form)
    with pytest.raises(PlanError, match="0 nodes"):
        least_together(plain, form, nodes=0)
