"""What another measure would choose: its own best plan at the same cost, and both plans by both measures."""

import pytest

from explorer.errors import PlanError
from explorer.plans import Budget, DamageTable, Problem, build_problem, rival, size_table, solve
from tests.plans.instances import block

TWO = [block("a", 8), block("b", 8)]


def _problem(a: float, b: float) -> Problem:
    """Rounding a block to 4 bits does the damage that is given, at 8 bits none; its error is a tenth of it."""
    values = {"a": {4: a, 8: 0.0}, "b": {4: b, 8: 0.0}}
    stderr = {name: {bits: value / 10 for bits, value in row.items()} for name, row in values.items()}
    damage = DamageTable(values, {"a": a, "b": b}, stderr)
    return build_problem(["a", "b"], menu=(4, 8), cost=size_table(TWO, (4, 8)), damage=damage)


def test_two_measures_that_disagree_each_prefer_their_own_plan() -> None:
    own, other = _problem(3.0, 2.0), _problem(20.0, 50.0)
    held = solve(own).best_under(Budget("at_most", 12))
    found = rival(own.damage, held.bits, held.a_bits, solve(other))
    assert held.bits == {"a": 8, "b": 4}
    assert found.point.bits == {"a": 4, "b": 8}
    assert found.changed == {"a": ((8, 8), (4, 8)), "b": ((4, 8), (8, 8))}
    assert (found.by_own.own, found.by_own.other, found.by_own.difference) == (2.0, 3.0, 1.0)
    assert (found.by_other.own, found.by_other.other) == (50.0, 20.0)
    assert found.by_other.stderr == pytest.approx((5.0**2 + 2.0**2) ** 0.5)


def test_measures_that_agree_leave_the_plan_and_one_off_the_frontier_is_compared_too() -> None:
    own = _problem(3.0, 2.0)
    held = {"a": 8, "b": 4}, {"a": 8, "b": 8}
    same = rival(own.damage, *held, solve(_problem(30.0, 20.0)))
    assert not same.changed
    assert same.by_own.difference == same.by_own.stderr == 0
    worse = {"a": 4, "b": 8}, held[1]
    assert rival(own.damage, *worse, solve(own)).point.bits == held[0]


def test_a_plan_cheaper_than_all_others_has_no_rival() -> None:
    dear = build_problem(
        ["a", "b"],
        menu=(4, 8),
        cost=size_table(TWO, (4, 8)),
        damage=_problem(3.0, 2.0).damage,
        minimum={"a": 8},
    )
    with pytest.raises(PlanError):
        rival(dear.damage, {"a": 4, "b": 4}, {"a": 8, "b": 8}, solve(dear))
