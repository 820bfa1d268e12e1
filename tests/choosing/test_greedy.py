"""The greedy baseline against what it does by hand."""

from explorer.choosing import Bits, Rule, greedy
from tests.choosing.made_up import bits, comparing, problem

LOST = {2: 0.006, 4: 0.002, 8: 0.0}


def lost(plan: Bits) -> float:
    """Block a costs nothing at any width, b and c what LOST says, added up."""
    return LOST[plan["b"].w_bits] + LOST[plan["c"].w_bits]


def test_the_order_and_both_ends_are_those_by_hand() -> None:
    """a is free and goes first; of b and c the larger c gives most bytes for its drop.

    From (2, 8, 8): c to 4 loses 0.2 points and c to 2 0.6; with b at 4 that is 0.8, above the wish of 0.7, with c at 4
    and b at 4 it is 0.4. The wish is judged by its limit, so that much of it is kept in reserve: 2,000 samples.
    """
    found = comparing(lost, samples=200_000)
    ended = greedy(problem(lambda *_: 0.0, menu=(2, 4, 8)), found, Rule(0.0075))
    assert ended.first.bits == bits(2, 4, 4)
    assert ended.first.work.plans == 6 + 4 - 2 + 1, (
        "six probes; four steps, two of which were probed; one that breaks"
    )
    assert ended.last.bits == bits(2, 4, 4)
    assert ended.last.count == 2 * 1000 + 4 * 2000 + 4 * 4000


def test_nothing_holds_where_the_first_step_breaks() -> None:
    ended = greedy(problem(lambda *_: 0.0, menu=(4, 8)), comparing(lambda _: 0.5), Rule(0.01))
    assert ended.first.bits is None
    assert ended.last.drop is None
