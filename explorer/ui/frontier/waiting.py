"""The Frontier before there are traces: how far they are, or the button that computes them; then it draws itself."""

import streamlit as st

from explorer.jobs.requests import spec_of
from explorer.questions import TracesQuestion
from explorer.ui.parts import run_panel
from explorer.ui.shell import frame, results, sentences, session, yardstick

_POLL = 2.0  # seconds


def show() -> None:
    """The progress of traces that are being computed, wherever they were asked for; else how to have them."""
    frame.granularity_control()
    study = session.study()
    if running := _running():
        st.info(
            "The frontier is drawn as soon as the Hessian traces are there, with ΔWᵀHΔW where that is on its way too.",
            icon=":material/hourglass_top:",
        )
        run_panel.watch_all(running, lambda _: None)
        return
    st.info(
        "Not computed yet: the frontier weighs the blocks by their Hessian traces. **Compute traces** takes about half "
        "a minute for a small network and keeps running if you leave this page.",
        icon=":material/info:",
    )
    spec = spec_of(study, TracesQuestion(granularity=session.granularity()))
    run_panel.compute(
        {f"Traces of {study.name}": spec},
        label="Compute traces",
        there="Already running.",
        key="compute_traces",
        besides=yardstick.beside_traces(),
    )
    _awaited()


@sentences.fragment(run_every=_POLL)
def _awaited() -> None:
    """Traces may be asked for in another tab, or on the command line."""
    if _running() or results.basis() is not None:
        st.rerun()


def _running() -> list[str]:
    known = results.runs_of(session.study(), "traces")
    return [run.id for run in known if run.live and results.is_of(run, session.granularity(), "weights")]
