"""Swaps of bits by measured loss: what is gained, what is left, and when it ends."""

import pytest

from explorer.choosing import Bits, Rule, refine
from explorer.errors import PlanError
from explorer.plans import Budget, build_problem
from explorer.plans.costs.tables import CostTable
from tests.choosing.made_up import bits, comparing, problem

RULE = Rule(0.01)
SIZES = (1000, 1000, 1000)


def wrong(name: str, width: int) -> float:
    """A prediction that takes all blocks for equal."""
    return 4.0**-width


def of_c(plan: Bits) -> float:
    """The truth: block c alone matters."""
    return 4.0 * 0.5 ** plan["c"].w_bits


def test_bits_go_where_the_loss_says() -> None:
    """Equal sizes, 4 bits each; the best within them has c at 8, a and b at 2."""
    found = refine(problem(wrong, sizes=SIZES), bits(4, 4, 4), comparing(lambda _: 0.0, of_c), RULE)
    assert found.bits == bits(2, 2, 8)
    assert found.taken >= 2
    first = next(place for place, swap in enumerate(found.swaps) if swap.taken)
    rises = [swap.predicted for swap in found.swaps[: first + 1]]
    assert rises == sorted(rises), "the prediction proposes"
    assert all(sum(each.w_bits for each in swap.bits.values()) <= 12 for swap in found.swaps)


def test_where_nothing_is_to_be_gained_nothing_is_taken_and_it_ends() -> None:
    """The loss does not depend on the widths: noise alone, over 20 sets of images, takes a swap in at most a few."""
    took = 0
    for seed in range(20):
        found = refine(
            problem(wrong, sizes=SIZES), bits(4, 4, 4), comparing(lambda _: 0.0, seed=seed), RULE, patience=10
        )
        assert len(found.swaps) <= 10 * (1 + found.taken)
        took += found.taken > 0
    assert took <= 3, "5 % of 20 is 1"


def test_a_swap_keeps_every_limit() -> None:
    """A second cost, of which c may have no more than it has."""
    made = problem(wrong, sizes=SIZES)
    second = {
        name: {width: width * (10 if name == "c" else 0) for width in (2, 3, 4, 6, 8, 32)} for name in "abc"
    }

    limited = build_problem(
        made.blocks,
        menu=made.menu,
        cost=made.cost,
        damage=made.damage,
        a_bits=32,
        constraints=[(CostTable("other", "units", second), Budget("at_most", 60))],
    )
    found = refine(limited, bits(4, 4, 4), comparing(lambda _: 0.0, of_c), RULE)
    assert found.bits["c"].w_bits == 6


def test_a_plan_of_another_menu_and_a_monotone_problem_are_refused() -> None:
    made = problem(wrong, menu=(2, 4))
    with pytest.raises(PlanError, match="not on offer"):
        refine(made, bits(8, 4, 4), comparing(lambda _: 0.0), RULE)
    monotone = build_problem(
        made.blocks, menu=made.menu, cost=made.cost, damage=made.damage, a_bits=32, monotone=True
    )
    with pytest.raises(PlanError, match="set B"):
        refine(monotone, bits(4, 4, 4), comparing(lambda _: 0.0), RULE)
