"""The current plan at the measuring process of its study: what this session wishes, and what is known by now."""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.jobs.gauge.client import Found, key_of
from explorer.jobs.gauge.reading import Reading
from explorer.plans import Plan
from explorer.ui.shell import caches, session

_WISHED = "gauged"


def wish(held: Plan) -> None:
    """Have a plan measured, unless it is what this session wished last."""
    key = f"{session.study().fingerprint} {key_of(held)}"
    if session.study().has_network and st.session_state.get(_WISHED) != key:
        caches.gauge(session.reference()).wish(_who(), held)
        st.session_state[_WISHED] = key


def found(held: Plan) -> Found | None:
    """What is known of a plan; None before its first samples, and where there is no network."""
    if not session.study().has_network:
        return None
    return caches.gauge(session.reference()).found(held)


def is_settled(known: Found | None) -> bool:
    """Whether no more is going to be known of a plan."""
    return known is not None and (not isinstance(known, Reading) or known.ended)


def _who() -> str:
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""
