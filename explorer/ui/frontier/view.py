"""The Frontier page: question, picture, the current plan, and its analysis."""

import streamlit as st

from explorer.errors import PlanError
from explorer.jobs.basis import Basis, further, measured
from explorer.jobs.requests import spec_of
from explorer.plans import FrontierQuestion
from explorer.plans.scene import Scene
from explorer.ui.frontier import form as frontier_form
from explorer.ui.frontier import picture as frontier_picture
from explorer.ui.frontier import proxy_view
from explorer.ui.frontier import trust as plan_trust
from explorer.ui.parts import run_panel
from explorer.ui.plan import compare as plan_compare
from explorer.ui.plan import desk as plan_desk
from explorer.ui.shell import caches, results, session
from explorer.ui.shell.plain import plain

_ANALYSES = (
    "Compare with another plan",
    "Robustness to trace error",
    "Exact vs. restricted search",
    "Prediction vs. measured loss",
)
_MEASURES = {
    "product": "ΔWᵀHΔW of every block",
    "lambda-max": "Largest eigenvalues of every block",
    "activation": "Damage of rounded activations",
}


def show(basis: Basis) -> None:
    """Everything; ``basis`` is the traces of the study."""
    question, drawn = frontier_form.ask()
    if len(question.bits or ()) < 2:
        st.info("Choose at least two bit widths to plan with.")
        return
    whole = _completed(question, basis)
    if whole is None:
        return
    try:
        scene = frontier_picture.show(question, drawn, whole)
    except PlanError as error:
        frontier_form.sentence(error)
        return
    plan_desk.show(scene.frontier.problem.menu)
    _analyse(scene, whole)


def _completed(question: FrontierQuestion, basis: Basis) -> Basis | None:
    """The basis with the measured damage a question needs; None while that is missing, which is then said."""
    study, granularity = session.study(), session.granularity()
    found = measured(results.runs(study), study, question, granularity)
    if found is None:
        _wait(question)
        return None
    if not found:
        return basis
    ids = tuple(run.id for run in found.values())
    return caches.with_damage(session.reference(), question, basis.key, ids, basis, found)


def _wait(question: FrontierQuestion) -> None:
    study = session.study()
    asked = further(study, question, session.granularity())
    specs = {f"{_MEASURES[measure]} of {study.name}": spec_of(study, each) for measure, each in asked.items()}
    missing = run_panel.missing(specs)
    if missing:
        more = "one more computation" if len(missing) == 1 else f"{len(missing)} more computations"
        st.info(f"This measure needs {more}: {plain('; '.join(missing))}.", icon=":material/info:")
    run_panel.compute(specs, there="Already running.", key="compute_damage")
    runs = [caches.store().find(spec) for spec in specs.values()]
    if begun := [run.id for run in runs if run is not None]:
        run_panel.watch_all(begun, lambda _: None)


def _analyse(scene: Scene, basis: Basis) -> None:
    st.subheader("Analyse")
    chosen = st.segmented_control(
        "Analyse",
        _ANALYSES,
        key="frontier_analysis",
        persist_state="session",
        label_visibility="collapsed",
    )
    held = session.plan()
    if chosen == _ANALYSES[2]:
        plan_trust.show_restriction(scene, basis)
    elif chosen == _ANALYSES[3]:
        proxy_view.show()
    elif chosen is not None and held is None:
        st.info("Choose a plan first: click a dot above.", icon=":material/ads_click:")
    elif chosen == _ANALYSES[0] and held is not None:
        plan_compare.show(held, scene.frontier.problem.menu)
    elif chosen == _ANALYSES[1] and held is not None:
        plan_trust.show_stability(scene, basis, held)
