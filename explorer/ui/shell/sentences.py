"""An error that a person can mend is a sentence where it happened: on a page, in a fragment, after a click.

Streamlit redraws a fragment, and runs what a widget calls, outside the page's own code, so that an error there would
leave the app as a traceback. A bug, which is no `ExplorerError`, still does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import ParamSpec

import streamlit as st

from explorer.errors import ExplorerError
from explorer.ui.shell.plain import plain
from explorer.ui.state import link

P = ParamSpec("P")

_KEPT = "sentences_to_show"


@contextmanager
def shown() -> Iterator[None]:
    """Draw something; what could not be done before it stands above, what stops it takes its place."""
    for words in st.session_state.pop(_KEPT, []):
        _say(words)
    try:
        yield
    except ExplorerError as error:
        _say(str(error))


def fragment(*, run_every: float | None = None) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """``st.fragment`` for every fragment of the app: after an error the next poll draws it again."""

    def made(draw: Callable[P, None]) -> Callable[P, None]:
        @wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
            with shown():
                draw(*args, **kwargs)
                link.write_part()

        return st.fragment(drawn, run_every=run_every)

    return made


def callback(act: Callable[P, object]) -> Callable[P, None]:
    """What a widget calls: Streamlit draws only afterwards, so the sentence waits until then."""

    @wraps(act)
    def called(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            act(*args, **kwargs)
        except ExplorerError as error:
            st.session_state.setdefault(_KEPT, []).append(str(error))

    return called


def _say(words: str) -> None:
    st.error(plain(words), icon=":material/error:")
