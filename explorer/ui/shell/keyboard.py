"""The way of those who use no mouse: from one control of a page to the next, past the buttons of its charts."""

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_JS = Path(__file__).with_suffix(".js")


def ease() -> None:
    """Take the buttons of charts off the Tab key's way, as they are drawn."""
    with st.container(key="keyboard"):
        _component()(key="keyboard_way", height=1)


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("explorer_keyboard", js=_JS.read_text(encoding="utf-8"))
