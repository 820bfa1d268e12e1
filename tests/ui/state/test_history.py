"""The plans of one network and partition: nothing a person made is lost, and Undo, Redo and Back agree."""

from dataclasses import replace

import pytest

from explorer.plans import BlockBits, Plan
from explorer.ui.state.history import REMEMBERED, History


def plan(bits: int) -> Plan:
    return Plan("net", "0" * 64, {"a": BlockBits(bits, 8)})


A, B, C = plan(2), plan(3), plan(4)


@pytest.fixture
def three() -> History:
    return History().take(A).take(B).take(C)


def test_undo_goes_back_to_no_plan_and_redo_forth_again(three: History) -> None:
    undone = three.undo().undo().undo()
    assert (undone.now, undone.past) == (None, ())
    assert undone.undo() == undone
    assert undone.redo().redo().redo() == three
    assert three.redo() == three


def test_throwing_a_plan_away_can_be_undone() -> None:
    assert History().take(A).take(None).undo().now == A


def test_another_plan_ends_what_was_undone(three: History) -> None:
    assert three.undo().take(plan(8)).future == ()
    assert three.undo().take(B) == three.undo(), "the same plan is no change"


def test_what_a_handle_passes_is_not_remembered() -> None:
    moving = History().take(A).take(B, passing=True).take(C, passing=True)
    assert (moving.now, moving.settled) == (C, A)
    assert moving.take(C) == History().take(A).take(C)
    assert moving.take(A) == History().take(A), "it was put back"
    assert moving.undo().now is None
    assert moving.undo().redo().now == A


def test_the_past_is_bounded() -> None:
    history = History()
    for bits in range(REMEMBERED + 50):
        history = history.take(replace(A, name=str(bits)))
    assert len(history.past) == REMEMBERED
    assert history.undo().now == replace(A, name=str(REMEMBERED + 48))


def test_back_finds_the_nearest_plan_an_earlier_one_first(three: History) -> None:
    assert three.back_to(lambda each: each == A) == three.undo().undo()
    assert three.back_to(lambda each: each is None) == three.undo().undo().undo()
    assert three.undo().back_to(lambda each: each == C) == three
    assert three.back_to(lambda each: each == plan(8)) is None
    assert three.take(A).back_to(lambda each: each == A) == three.take(A)
    between = three.take(B).take(A).take(B).undo()
    assert between.back_to(lambda each: each == B) == between.undo()
