"""The Frontier page: question, picture, the plan in hand, and what can be looked at more closely."""

import streamlit as st

from explorer.errors import PlanError
from explorer.ui.frontier import basis as frontier_basis
from explorer.ui.frontier import form as frontier_form
from explorer.ui.frontier import picture as frontier_picture
from explorer.ui.frontier import proxy_view
from explorer.ui.frontier import trust as plan_trust
from explorer.ui.frontier.picture import Scene
from explorer.ui.plan import compare as plan_compare
from explorer.ui.plan import desk as plan_desk
from explorer.ui.shell import session
from explorer.ui.shell.caches import Basis

_CLOSER = ("Compare with another plan", "How sure is it?", "What a restriction costs", "Does the proxy hold?")


def show(basis: Basis) -> None:
    """Everything; ``basis`` is the traces of the study."""
    asked, drawn = frontier_form.ask()
    if len(asked.menu) < 2:
        st.info("Choose at least two bit widths to plan with.")
        return
    complete = frontier_basis.complete(asked, basis)
    if complete is None:
        return
    try:
        scene = frontier_picture.show(asked, drawn, complete)
    except PlanError as error:
        frontier_form.sentence(error)
        return
    plan_desk.show(asked.menu)
    _closer(scene, complete)


def _closer(scene: Scene, basis: Basis) -> None:
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
        plan_trust.show_restriction(scene, basis)
    elif looked_at == _CLOSER[3]:
        proxy_view.show()
    elif looked_at is not None and held is None:
        st.info("Take a plan in hand first: click a dot above.", icon=":material/ads_click:")
    elif looked_at == _CLOSER[0] and held is not None:
        plan_compare.show(held, scene.asked.menu)
    elif looked_at == _CLOSER[1] and held is not None:
        plan_trust.show_stability(scene, held)
