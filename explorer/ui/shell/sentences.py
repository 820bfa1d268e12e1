"""An error that a person can mend is a sentence where it happened: on a page, in a fragment, after a click.

Streamlit redraws a fragment, and runs what a widget calls, outside the page's own code, so that an error there would
leave the app as a traceback. A bug, which is no `ExplorerError`, still does.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from itertools import count
from typing import ParamSpec

import streamlit as st

from explorer.errors import ExplorerError
from explorer.ui.shell.plain import plain
from explorer.ui.state import link

P = ParamSpec("P")

_KEPT = "sentences_to_show"
_TIMES = count()


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
    """``st.fragment`` for every fragment of the app: after an error the next poll draws it again.

    One that polls is another fragment each time that the whole page is drawn. A poll that a browser sent before it
    heard of that is then refused, where under load it would make Streamlit 1.67 drop what of the page is not sent yet.
    """

    def made(draw: Callable[P, None]) -> Callable[P, None]:
        @wraps(draw)
        def drawn(*args: P.args, **kwargs: P.kwargs) -> None:
            with shown():
                draw(*args, **kwargs)
                link.write_part()

        if run_every is None:
            return st.fragment(drawn)

        @wraps(draw)
        def polled(*args: P.args, **kwargs: P.kwargs) -> None:
            this = wraps(draw)(lambda: drawn(*args, **kwargs))
            this.__qualname__ = f"{draw.__qualname__} {next(_TIMES)}"
            st.fragment(this, run_every=run_every)()

        return polled

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
