"""Asking for traces: a small form, and which run answers it."""

import streamlit as st

from explorer.figures.sensitivity import Order
from explorer.runs import request, requests
from explorer.studies import Study
from explorer.ui import caches, results, session

PRECISIONS = {0.2: "20 %, quick", 0.1: "10 %", 0.05: "5 %", 0.02: "2 %, slow"}
ORDERS: list[Order] = ["depth", "rank"]
DEFAULT_PRECISION = 0.05


def ask(study: Study) -> str | None:
    """Show the form; the id of the run to watch, or None when there is none yet."""
    known = results.runs_of(study, "traces")
    precision = st.selectbox(
        "Standard error wanted",
        list(PRECISIONS),
        index=list(PRECISIONS).index(DEFAULT_PRECISION),
        format_func=PRECISIONS.__getitem__,
        width=190,
        key="trace_precision",
        help="Sampling stops when every block's standard error is below this share of its trace.",
    )
    pressed = st.button("Compute traces", type="primary", icon=":material/play_arrow:")
    spec = requests.traces(study, granularity=session.granularity(), rel_se=precision)
    if pressed:
        request(caches.store(), spec, title=f"Traces of {study.name}")
        st.rerun()
    live = [
        run for run in known if run.live and _granularity_of(run.spec.parameters) == session.granularity()
    ]
    if live:
        return live[0].id
    if any(run.id == spec.run_id for run in known):
        return spec.run_id
    best = results.traces(study, session.granularity())
    return None if best is None else best.id


def _granularity_of(parameters: dict) -> str:
    return str(parameters.get("granularity", "layer"))
