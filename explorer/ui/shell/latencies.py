"""Latency as a number of a plan: by a table of one's own, kept for the session, or by the published one."""

import streamlit as st

from explorer import plans
from explorer.blocks import Granularity
from explorer.errors import PlanError
from explorer.plans import CostTable, Plan
from explorer.ui.shell import caches, session

_GIVEN = "latencies_given"


def own() -> str:
    """The CSV that was given for the current study; nothing where none was."""
    kept: dict[str, str] = st.session_state.get(_GIVEN, {})
    return kept.get(session.study().name, "")


def keep(text: str) -> None:
    """Keep a CSV for the current study; nothing forgets it."""
    st.session_state[_GIVEN] = {**st.session_state.get(_GIVEN, {}), session.study().name: text}


def table() -> CostTable | None:
    """The current study's latencies; None where there are none, or none of the current blocks."""
    return _table(session.reference(), session.granularity(), own())


def shown(plan: Plan) -> str | None:
    """Latency of a plan as text; – where it was not measured at these widths, None where there is no table."""
    found = table()
    if found is None:
        return None
    try:
        return f"{found.count(plan.w_bits, plan.a_bits) / found.divisor:.3g} ms"
    except PlanError:
        return "–"


def words() -> str:
    """Where the latencies come from."""
    if own():
        return "By your latency table."
    return "As published, measured with activations as wide as the weights; – for other activations."


@st.cache_resource(show_spinner=False, max_entries=16)
def _table(reference: str, granularity: Granularity, text: str) -> CostTable | None:
    study, blocks = caches.study(reference), caches.blocks(reference, granularity)
    try:
        if text:
            return plans.read_latency_csv(text.encode(), blocks)
        return plans.cost_table(study, blocks, "latency", ())
    except PlanError:  # none were published, or the file is of the other partition
        return None
