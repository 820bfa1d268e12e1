"""What training could afford: room is where the drop after training is surely below the wish."""

from typing import Any

import pytest

from explorer.choosing import Choice, Drop, Tried, Work, afforded


def _tried(stage: str, cost: float, value: float) -> Tried:
    return Tried(stage, (4,), (8,), cost, value, 0.002, 2000, "breaks")


def _choice(**changes: Any) -> Choice:
    tried = (
        _tried("search", 80, 0.02),
        _tried("search", 120, 0.0),
        _tried("search", 60, 0.1),
        _tried("swap", 90, 0.0),
    )
    drop = Drop(0.005, 0.002, 5000)
    known: dict[str, Any] = {
        **{
            "study": "toy",
            "blocks": ("a",),
            "max_drop": 0.02,
            "confidence": 0.95,
            "cost_name": "size",
            "unit": "bytes",
        },
        **{"candidates": 3, "plan": {}, "cost": 100.0, "size_bytes": 100, "fp32_bytes": 800, "chosen": drop},
        **{
            "promised": drop,
            "at_most": 0.01,
            "attempts": 1,
            "measured": drop,
            "fp32_accuracy": 0.9,
            "accuracy": 0.895,
        },
        **{
            "accuracy_stderr": 0.004,
            "refinement": None,
            "work": Work(3, 6000),
            "tried": tried,
            "seconds": 1.0,
        },
    }
    return Choice(**{**known, **changes})


def test_room_needs_a_drop_that_is_surely_below_the_wish() -> None:
    found = afforded(_choice(), 0.9, 0.0042)
    assert found.lost.value == 0
    assert found.lost.stderr == pytest.approx((0.9 * 0.1 / 5000 + 0.0042**2) ** 0.5)
    assert found.room, "0 ± 0.006 is below 0.02"
    assert found.next is not None
    assert found.next.cost == 80, "the largest of the smaller plans, and no swap"
    assert (
        "may afford a smaller plan: the next one that was looked at costs 80 and lost 2.00 points"
        in found.sentence
    )
    assert not afforded(_choice(), 0.885, 0.0042).room, "0.015 ± 0.006 may be 0.02"
    assert "no room" in afforded(_choice(), 0.885, 0.0042).sentence


def test_the_smallest_plan_has_none_below_it() -> None:
    assert afforded(_choice(cost=50.0), 0.9, 0.0042).next is None
