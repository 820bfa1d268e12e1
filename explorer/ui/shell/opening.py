"""Opening a run where it is shown: the page of its kind, with its study and blocks chosen."""

from collections.abc import Mapping

import streamlit as st

from explorer.blocks import Granularity
from explorer.runs import Run
from explorer.ui.shell import caches, navigation, session

PAGES: Mapping[str, str] = {  # kind of run to the file of its page
    "evaluate": "model",
    "traces": "sensitivity",
    "eigenvalues": "sensitivity",
    "spectrum": "sensitivity",
    "landscape": "landscape",
    "damage": "frontier",
    "proxy": "frontier",
    "measure_frontier": "frontier",
    "export": "export",
    "export_latency": "export",
    "choose": "frontier",
    "lapq": "step_sizes",
    "lapq_surface": "step_sizes",
    "lapq_sweep": "step_sizes",
    "lapq_hessian": "step_sizes",
    "lapq_table": "step_sizes",
    "finetune": "fine_tune",
}
TRAINING_SHOWN = "training_shown"


def page_of(run: Run) -> str | None:
    """Title of the page that shows a run; None where there is none, or this app does not have its study."""
    page = PAGES.get(run.spec.kind)
    return None if page is None or study_of(run) is None else navigation.entry(page).title


def study_of(run: Run) -> str | None:
    """What this app loads the study of a run by; None where it does not have it."""
    offered = [card.name for card in session.offered() if card.available]
    if run.spec.study in offered:
        return run.spec.study
    return session.reference() if run.spec.fingerprint == session.study().fingerprint else None


def go(run: Run) -> None:
    """Leave this page for the one that shows the run."""
    study = study_of(run)
    if study is None or run.spec.kind not in PAGES:
        return
    session.choose_study(study)
    asked = run.spec.parameters
    granularity: Granularity | None = None
    if asked.get("granularity") in caches.GRANULARITIES or run.spec.kind == "traces":
        granularity = "module" if asked.get("granularity") == "module" else "layer"
    if granularity is not None:
        session.choose_granularity(granularity)
    if isinstance(block := asked.get("block"), str):
        session.look_at(block)
    if run.spec.kind == "finetune":
        st.session_state[TRAINING_SHOWN] = run.id
    st.switch_page(f"pages/{PAGES[run.spec.kind]}.py")
