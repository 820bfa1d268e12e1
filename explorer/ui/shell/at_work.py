"""The sidebar's list of computations: those at work, each with the way to its page, and one line for all that wait.

Each time it looks it moves the queue on, so that an open page is enough for a waiting run to start.
"""

from typing import Literal

import streamlit as st

from explorer.jobs import advance, permission, stop
from explorer.jobs.telling import titles
from explorer.runs import Run
from explorer.ui.shell import caches, door, opening, sentences
from explorer.ui.shell.plain import plain

MOST_SHOWN = 10  # of those that wait


def show(*, patient: bool = False) -> None:
    """Draw the list, and again every two seconds.

    Args:
        patient: on a page that computes for itself, such as a lesson, every ten while nothing is at work. A class of
            thirty then asks the server for little but its answers; and Streamlit 1.67 may drop what a fragment has not
            sent when another is asked for as it ends.
    """
    if patient and not caches.store().live():
        _every_ten_seconds()
    else:
        _every_two_seconds()


@sentences.fragment(run_every=2.0)
def _every_two_seconds() -> None:
    _list()


@sentences.fragment(run_every=10.0)
def _every_ten_seconds() -> None:
    _list()


def _list() -> None:
    store = caches.store()
    advance(store)
    live = store.live()
    in_line = {place.id for place in store.queue.line().waiting}
    waiting = [run for run in live if run.id in in_line]
    st.caption("Running" if live else "No computation running")
    for run in live:
        if run.id not in in_line:
            _one(run)
    if waiting:
        _waiting(waiting)


def _one(run: Run) -> None:
    page = opening.page_of(run)
    if page is None:
        st.markdown(plain(titles.of(run)))
    elif st.button(
        plain(titles.of(run)), key=f"open-live-{run.id}", type="tertiary", help=f"Open it on {page}."
    ):
        opening.go(run)
    st.progress(min(max(run.fraction, 0.0), 1.0), text=plain(run.message or run.status))
    stop_button(run, key=f"cancel-{run.id}", icon=":material/stop_circle:")


def stop_button(
    run: Run, *, key: str, icon: str | None = None, width: Literal["content", "stretch"] = "content"
) -> None:
    """The button that stops a live run, within a fragment; grey for those who may not."""
    if st.button(
        "Stop",
        key=key,
        disabled=run.status == "cancelling" or not permission.may_change(run, door.person()),
        icon=icon,
        width=width,
    ):
        permission.check(run, door.person())
        stop(caches.store(), run.id)
        st.rerun(scope="fragment")


def _waiting(waiting: list[Run]) -> None:
    with st.expander(f"{len(waiting)} waiting", key="waiting"):
        for run in waiting[-MOST_SHOWN:][::-1]:
            st.caption(_line(run))
        if len(waiting) > MOST_SHOWN:
            st.caption(f"and {len(waiting) - MOST_SHOWN} more")
        ids = [run.id for run in waiting if permission.may_change(run, door.person())]
        st.button(
            "Stop all that wait" if len(ids) == len(waiting) else "Stop mine that wait",
            key="cancel-waiting",
            disabled=not ids,
            icon=":material/stop_circle:",
            on_click=sentences.callback(caches.store().queue.drop),
            args=(ids,),
        )


def _line(run: Run) -> str:
    return plain(f"{titles.of(run)}: {run.message or run.status}")
