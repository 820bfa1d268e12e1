"""Watching one run: progress while it lives, cancel and resume, and what went wrong in a sentence."""

from collections.abc import Callable

import streamlit as st

from explorer.runs import Run, launch, stop
from explorer.ui import caches


def watch(run_id: str, draw: Callable[[Run], None]) -> None:
    """Show a run and poll it while it lives; ``draw`` shows what there is of it so far.

    When the run ends, the whole page is run again once, so that everything that uses its result appears.
    """
    if caches.store().get(run_id).live:
        _polled(run_id, draw)
    else:
        _shown(run_id, draw)


@st.fragment(run_every=1.0)
def _polled(run_id: str, draw: Callable[[Run], None]) -> None:
    if not _shown(run_id, draw).live:
        st.rerun()


def _shown(run_id: str, draw: Callable[[Run], None]) -> Run:
    store = caches.store()
    run = store.get(run_id)
    if run.live:
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.progress(min(max(run.fraction, 0.0), 1.0), text=run.message or run.status)
        if right.button(
            "Cancel", key=f"panel-cancel-{run.id}", disabled=run.status == "cancelling", width="stretch"
        ):
            stop(store, run.id)
            st.rerun(scope="fragment")
    elif run.resumable:
        reasons = {
            "failed": run.error or "it failed",
            "cancelled": "it was cancelled",
            "lost": "its process ended before it was done",
        }
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.warning(f"This run stopped at {run.fraction:.0%}: {reasons[run.status]}")
        if right.button("Resume", key=f"panel-resume-{run.id}", type="primary", width="stretch"):
            store.resume(run.id)
            launch(store, run.id)
            st.rerun()
    draw(run)
    return run
