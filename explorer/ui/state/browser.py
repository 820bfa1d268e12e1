"""The browser's history: which changes of the address are steps of it, so that Back undoes a plan.

Streamlit makes every change of the address a step. With many sliders and switches in it, Back would be a trap.
"""

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

STEPS = ("study", "blocks", "plan", "steps")
_JS = Path(__file__).with_suffix(".js")


def attend() -> None:
    """Make other changes of the address than those of `STEPS` rewrite it, from now on."""
    _component()(key="browser_history", data={"steps": STEPS}, height=1)


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("explorer_browser_history", js=_JS.read_text(encoding="utf-8"))
