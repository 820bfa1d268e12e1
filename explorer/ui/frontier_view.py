"""The Frontier page: question, picture, the plan in hand, and what can be looked at more closely."""

import streamlit as st

from explorer.curvature import Traces
from explorer.errors import PlanError
from explorer.ui import (
    frontier_form,
    frontier_picture,
    plan_compare,
    plan_desk,
    plan_trust,
    session,
)
from explorer.ui.frontier_picture import Scene

_CLOSER = ("Compare with another plan", "How sure is it?", "What a restriction costs")


def show(key: str, traces: Traces | None) -> None:
    """Everything, for the traces with this key."""
    asked, drawn = frontier_form.ask()
    if len(asked.menu) < 2:
        st.info("Choose at least two bit widths to plan with.")
        return
    try:
        scene = frontier_picture.show(asked, drawn, key, traces)
    except PlanError as error:
        frontier_form.sentence(error)
        return
    plan_desk.show(asked.menu)
    _closer(scene, key, traces)


def _closer(scene: Scene, key: str, traces: Traces | None) -> None:
    st.subheader("Look closer")
    looked_at = st.segmented_control(
        "Look closer",
        _CLOSER,
        key="frontier_closer",
        persist_state="session",
        label_visibility="collapsed",
    )
    held = session.plan()
    if looked_at == _CLOSER[2]:
        plan_trust.show_restriction(scene, key, traces)
    elif looked_at is not None and held is None:
        st.info("Take a plan in hand first: click a dot above.", icon=":material/ads_click:")
    elif looked_at == _CLOSER[0] and held is not None:
        plan_compare.show(held, scene.asked.menu)
    elif looked_at == _CLOSER[1] and held is not None:
        plan_trust.show_stability(scene, held)
