"""The pages, and making sure that each is shown inside the app's frame.

Until ``st.navigation`` has been called once, Streamlit takes a folder named ``pages`` for its older kind of
multi-page app and runs the first page that a link names without ``app.py``. Such a page declares the
navigation, which settles the kind for the whole server, and asks to be run again.
"""

from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

ICON = Path(__file__).with_name("icon.svg")
_IN_FRAME: ContextVar[bool] = ContextVar("in_frame", default=False)

_PAGES = (
    ("model", "Model", "account_tree"),
    ("sensitivity", "Sensitivity", "monitoring"),
    ("landscape", "Landscape", "landscape"),
    ("frontier", "Frontier", "show_chart"),
    ("step_sizes", "Step sizes", "straighten"),
    ("fine_tune", "Fine-tune", "model_training"),
    ("results", "Results", "fact_check"),
    ("runs", "Runs", "list_alt"),
)


def choose() -> Callable[[], None]:
    """Draw the menu; what runs the page the person is on."""
    page = _navigation()

    def run() -> None:
        token = _IN_FRAME.set(True)
        try:
            page.run()
        finally:
            _IN_FRAME.reset(token)

    return run


def in_frame() -> None:
    """The first line of every page: go through ``app.py`` if Streamlit did not."""
    if not _IN_FRAME.get():
        # A page's own icon would be fetched from elsewhere for the browser's tab, were there no other.
        st.set_page_config(page_icon=str(ICON))
        _navigation(icons=False)
        st.rerun()


def _navigation(*, icons: bool = True) -> StreamlitPage:
    return st.navigation(
        [
            st.Page(
                f"pages/{file}.py",
                title=title,
                icon=f":material/{icon}:" if icons else None,
                default=file == "model",
            )
            for file, title, icon in _PAGES
        ]
    )
