"""A lesson is drawn as far as it is read: what comes next waits until it is nearly seen, or nothing else is to be done.

A browser needs as long for five pictures and ten formulas below the screen as for the whole first screen. So a page
begins with what reaches down to its first experiment; at the end of what is drawn stands a mark that tells the server
when to go on. Parts are added below those that are there, so nothing moves that is being read. A page that is left
alone is whole after a few seconds, for those who search in it or print it.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from explorer.course.parts import Experiment, Part
from explorer.ui.shell import sentences

_OPEN, _DRAWN = "course_open", "course_drawn"
_JS = Path(__file__).with_suffix(".js")

Placed = tuple[int, Part]


def stretches(parts: Sequence[Part]) -> list[tuple[Placed, ...]]:
    """The parts with their places, cut after every experiment but the last; at least one stretch."""
    found: list[list[Placed]] = [[]]
    for place, part in enumerate(parts):
        found[-1].append((place, part))
        if isinstance(part, Experiment) and place + 1 < len(parts):
            found.append([])
    return [tuple(each) for each in found]


def enter(number: int) -> None:
    """A lesson is on the screen; if it is another one than before, it begins with its first stretch."""
    if st.session_state.get(_OPEN) != number:
        st.session_state[_OPEN] = number
        st.session_state[_DRAWN] = 1


def reached(stretch: int) -> bool:
    """Whether a stretch is to be drawn, the first being 0."""
    drawn: int = st.session_state.get(_DRAWN, 1)
    return stretch < drawn


def mark(number: int, stretch: int) -> None:
    """Where a stretch will be drawn once the browser says that it is its turn."""
    key = f"going_on_{number}_{stretch}"

    def turn() -> None:
        st.session_state[_DRAWN] = max(st.session_state.get(_DRAWN, 1), stretch + 1)

    _component()(key=key, height=40, on_turn_change=sentences.callback(turn))


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("explorer_going_on", js=_JS.read_text(encoding="utf-8"))
