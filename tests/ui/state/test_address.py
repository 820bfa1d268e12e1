"""Widgets whose values are in the address: a link shows them, what is wrong with it is said, defaults are left out."""

from typing import Any

import pytest
import streamlit as st

from explorer.ui.state import address


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A session of its own."""
    made: dict[str, Any] = {}
    monkeypatch.setattr(st, "session_state", made)
    return made


def bound() -> None:
    """A page with one of each."""
    address.begin()
    address.choice("axis_key", "axis", ["log", "linear"], "log")
    address.choice("points", "points", [17, 33], 17)
    address.choice("found", "found", ["a", "b"], None)
    address.choices("menu", "menu", [2, 4, 8], [2, 4])
    address.switch("tied", "tied")
    address.number("limit", "limit", 0, 1e6)
    address.number("p", "p", 1, 8, 2.0)


def test_defaults_are_not_written(state: dict[str, Any]) -> None:
    bound()
    assert address.written() == {}
    assert state["menu"] == [2, 4]
    assert state["limit"] is None


def test_a_link_shows_what_it_was_made_from(state: dict[str, Any]) -> None:
    bound()
    state |= {
        "axis_key": "linear",
        "points": 33,
        "found": "b",
        "menu": [],
        "tied": True,
        "limit": 0.25,
        "p": 3.5,
    }
    shown = {name: state[name] for name in ("axis_key", "points", "found", "menu", "tied", "limit", "p")}
    link = address.written()
    expected = {
        "axis": "linear",
        "points": "33",
        "found": "b",
        "menu": "",
        "tied": "1",
        "limit": "0.25",
        "p": "3.5",
    }
    assert link == expected
    state.clear()
    address.arrive(link)
    bound()
    assert {name: state[name] for name in shown} == shown
    assert address.written() == link
    assert address.refused() == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"axis": "loglog"},
        {"points": "33.0"},
        {"menu": "2~5"},
        {"tied": "yes"},
        {"limit": "nan"},
        {"limit": "-1"},
        {"limit": "x" * 100},
        {"p": "9"},
    ],
)
def test_what_is_not_offered_is_named_and_the_rest_shown(
    state: dict[str, Any], wrong: dict[str, str]
) -> None:
    [(name, text)] = wrong.items()
    address.arrive({"found": "a"} | wrong)
    bound()
    assert state["found"] == "a"
    assert address.written() == {"found": "a"}
    assert address.refused() == [f"{name}={text[:40]}"]
    assert address.refused() == [], "said once"


def test_what_no_widget_asked_for_waits_and_ends_with_the_page(state: dict[str, Any]) -> None:
    """The widgets of a page that still computes come later."""
    address.arrive({"late": "1", "x" * 17: "a", "long": "x" * 2001, "axis": "linear"})
    bound()
    assert address.written() == {"late": "1", "axis": "linear"}
    bound()
    address.switch("late_key", "late")
    assert state["late_key"] is True
    state["late_key"] = False
    address.switch("late_key", "late")
    assert state["late_key"] is False, "the address was read once"
    address.arrive({"late": "1"})
    address.forget_unread()
    address.begin()
    assert address.written() == {}


def test_going_back_sets_what_the_address_leaves_out_to_its_default(state: dict[str, Any]) -> None:
    bound()
    state["axis_key"] = "linear"
    address.arrive({"menu": "8"})
    bound()
    assert state["axis_key"] == "log"
    state["axis_key"] = "linear"
    bound()
    assert state["axis_key"] == "linear", "a person's change in the same visit stays"


def test_a_value_survives_while_its_widget_is_not_drawn(state: dict[str, Any]) -> None:
    """Streamlit drops it."""
    bound()
    state["axis_key"] = "linear"
    bound()
    address.written()
    del state["axis_key"]
    address.begin()
    assert address.written() == {}, "another page does not have it"
    bound()
    assert state["axis_key"] == "linear"


def test_a_default_that_depends_on_what_was_computed_is_written_too(state: dict[str, Any]) -> None:
    address.choices("chosen_key", "chosen", ["a", "b", "c"], ["a"], most=2, always=True)
    assert address.written() == {"chosen": "a"}
    address.arrive({"chosen": "a~b~c"})
    address.choices("chosen_key", "chosen", ["a", "b", "c"], ["a"], most=2, always=True)
    assert address.refused() == ["chosen=a~b~c"]


def test_a_kept_value_that_is_not_offered_any_more_gives_way_to_the_default(state: dict[str, Any]) -> None:
    state["cost"] = "latency"
    address.choice("cost", "cost", ["size", "bops"], "size")
    assert state["cost"] == "size"
