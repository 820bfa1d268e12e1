"""Presentation mode: one picture of a lesson, larger type, no menu at the side."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from explorer.course.parts import Lesson
from explorer.ui.shell import sentences
from explorer.ui.state import address

_STYLE = """<style>
[data-testid="stSidebar"], [data-testid="stSidebarCollapsedControl"], [data-testid="stExpandSidebarButton"] {display: none;}
[data-testid="stMainBlockContainer"] {font-size: 1.35rem;}
[data-testid="stMainBlockContainer"] :is(p, li, label, button p, [data-testid="stMetricLabel"] p) {font-size: 1.3rem;}
[data-testid="stMainBlockContainer"] h1 {font-size: 2rem;}
[data-testid="stMainBlockContainer"] [data-testid="stMetricValue"] {font-size: 1.9rem;}
</style>"""


def _key(number: int) -> str:
    return f"lesson{number}_present"


def shown(lesson: Lesson) -> str | None:
    """The experiment that is presented, if one is."""
    options = [experiment.key for experiment in lesson.experiments]
    found: str | None = st.session_state[address.choice(_key(lesson.number), "present", options, None)]
    return found


def button(number: int, key: str) -> None:
    """The way into the presentation of an experiment."""
    st.button(
        "Present",
        key=f"present_{number}_{key}",
        icon=":material/slideshow:",
        type="tertiary",
        help="This picture alone, in larger type, for a projector.",
        on_click=sentences.callback(partial(_go, number, key)),
    )


def show(lesson: Lesson, key: str, draw: Callable[[], None]) -> None:
    """One experiment, large, as ``draw`` draws it; the way back, and on to the next."""
    keys = [each.key for each in lesson.experiments]
    place = keys.index(key)
    st.html(_STYLE)
    st.title(lesson.experiments[place].title, anchor=False)
    draw()
    with st.container(horizontal=True):
        for label, icon, to in (
            ("Previous picture", "arrow_back", keys[place - 1] if place else None),
            ("Next picture", "arrow_forward", keys[place + 1] if place + 1 < len(keys) else None),
            ("End presentation", "close", ""),
        ):
            if to is not None:
                st.button(
                    label,
                    key=f"presenting_{label}",
                    icon=f":material/{icon}:",
                    on_click=sentences.callback(partial(_go, lesson.number, to or None)),
                )


def _go(number: int, key: str | None) -> None:
    st.session_state[_key(number)] = key
