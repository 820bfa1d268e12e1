"""The Frontier page: question, picture with the current plan beside it, and its analysis."""

from collections.abc import Sequence

import streamlit as st

from explorer.errors import PlanError
from explorer.jobs.basis import Basis, further, narrow, welcome
from explorer.jobs.requests import spec_of
from explorer.plans import FrontierQuestion, Rival
from explorer.plans.scene import Scene
from explorer.questions import DamageQuestion
from explorer.runs import RunSpec
from explorer.ui.frontier import choose_view, constraints, measured, nearest, proxy_view, rival
from explorer.ui.frontier import form as frontier_form
from explorer.ui.frontier import picture as frontier_picture
from explorer.ui.frontier import trust as plan_trust
from explorer.ui.frontier.form import Drawn
from explorer.ui.frontier.measured import Along
from explorer.ui.parts import run_panel
from explorer.ui.plan import compare as plan_compare
from explorer.ui.plan import desk as plan_desk
from explorer.ui.plan import pacing
from explorer.ui.shell import caches, results, session, yardstick
from explorer.ui.shell.plain import plain
from explorer.ui.shell.yardstick import Yardstick
from explorer.ui.state import address

_ANALYSES = (
    "Compare with another plan",
    "Robustness to trace error",
    "Exact vs. restricted search",
    "Prediction vs. measured loss",
)
_MEASURES = {
    "product": "ΔWᵀHΔW of every block",
    "lambda-max": "Largest eigenvalues of every block",
    "activation": "Damage of rounded activations by their traces",
    "activation-product": "Damage of rounded activations",
}
_PANEL, _CHART_AND_PLAN = (3, 7), (11, 9)
# So that chart, numbers and bars share one screen; columns that would be too narrow for a chart wrap.
_STYLE = """<style>
.st-key-frontier_scene [data-testid="stColumn"] {min-width: 440px;}
.st-key-frontier_with_panel > div > [data-testid="stColumn"] {min-width: 280px;}
.st-key-frontier_controls button, .st-key-frontier_more button {white-space: nowrap;}
[class*="st-key-chip_"] button {min-height: 0; padding: .1rem .5rem; font-size: .8rem;}
</style>"""


def show() -> None:
    """Everything, once there is what Ω is computed from."""
    st.html(_STYLE)
    question, drawn = frontier_form.ask()
    constraints.complaint()
    menu = question.bits or ()
    if not constraints.is_open():
        _answered(question, drawn, menu)
        return
    with st.container(key="frontier_with_panel"):
        panel, rest = st.columns(_PANEL, gap="medium")
    with panel:
        constraints.panel(menu)
    with rest:
        _answered(question, drawn, menu)


def _answered(question: FrontierQuestion, drawn: Drawn, menu: Sequence[int]) -> None:
    if len(menu) < 2:
        st.info("Choose at least two bit widths to plan with.")
        return
    judged = yardstick.current()
    if judged.basis is None:
        _wait(further(session.study(), question, session.granularity()))
        return
    measured.bind()
    try:
        scene = frontier_picture.scene_of(question, drawn, judged.basis)
    except PlanError as error:
        nearest.refused(error, question)
        plan_desk.show(menu)
        plan_desk.further()
        return
    yardstick.drew()
    along = measured.along(scene)
    rival.bind()
    other = rival.find(scene, judged)
    if constraints.is_open():
        _picture(scene, drawn, judged, along, other)
        plan_desk.show(menu)
        rival.show(scene, judged, other)
    else:
        with st.container(key="frontier_scene"):
            left, right = st.columns(_CHART_AND_PLAN, gap="medium")
        with right:
            plan_desk.numbers()
            pacing.numbers_are_first(session.plan())
        with left:
            _picture(scene, drawn, judged, along, other)
        with right:
            plan_desk.bars(menu)
            rival.show(scene, judged, other)
    measured.show(scene, along)
    st.caption(frontier_picture.sentence(scene))
    _products_too(judged)
    _activations_too(question, judged)
    plan_desk.further()
    choose_view.show(question)
    _analyse(scene, judged.basis)


def _picture(scene: Scene, drawn: Drawn, judged: Yardstick, along: Along | None, other: Rival | None) -> None:
    frontier_picture.show(scene, drawn, judged, along, rival.mark(scene, judged, other))
    nearest.beside(scene)


def _wait(asked: dict[str, DamageQuestion]) -> None:
    specs = _specs(asked)
    missing = run_panel.missing(specs)
    if missing:
        more = "one more computation" if len(missing) == 1 else f"{len(missing)} more computations"
        st.info(f"This measure needs {more}: {plain('; '.join(missing))}.", icon=":material/info:")
    _offer(specs, label="Compute", key="compute_damage")


def _products_too(judged: Yardstick) -> None:
    """Where the picture is by the trace and ΔWᵀHΔW is not computed: how to have it, and how far it is."""
    study = session.study()
    if judged.measure != "trace" or not study.has_network:
        return
    spec = yardstick.products()
    run = results.runs(study).find(spec)
    if run is not None and run.status == "done":
        return
    if run is not None:
        run_panel.watch_all([run.id], lambda _: None)
        return
    with st.container(horizontal=True, vertical_alignment="center", key="products_too"):
        st.caption(
            "The trace approximates ΔWᵀHΔW, by which plans that are not trained turn out better or the same; it takes about "
            "as long as the traces, or less.",
            width="content",
        )
        if st.button("Compute ΔWᵀHΔW", icon=":material/play_arrow:", key="compute_products"):
            yardstick.release_measure()
            run_panel.begin([spec])


def _activations_too(question: FrontierQuestion, judged: Yardstick) -> None:
    """Where activations are narrow and their damage is not in Ω: that it is not, and how to have it there."""
    if not narrow(question) or judged.activations:
        return
    st.caption(
        "The predicted damage counts the rounding of the weights alone, although activations have fewer than 8 bits too."
    )
    asked = welcome(session.study(), question, session.granularity())
    if not asked:
        return
    _offer(_specs(asked), label="Include the activations' damage", key="compute_inputs")


def _specs(asked: dict[str, DamageQuestion]) -> dict[str, RunSpec]:
    """What each measurement is called here, to its spec."""
    study = session.study()
    return {f"{_MEASURES[measure]} of {study.name}": spec_of(study, each) for measure, each in asked.items()}


def _offer(specs: dict[str, RunSpec], *, label: str, key: str) -> None:
    """The button that starts measurements, and how far those are that were begun."""
    run_panel.compute(specs, label=label, there="Already running.", key=key)
    runs = [caches.store().find(spec) for spec in specs.values()]
    if begun := [run.id for run in runs if run is not None]:
        run_panel.watch_all(begun, lambda _: None)


def _analyse(scene: Scene, basis: Basis) -> None:
    st.header("Analyse")
    chosen = st.segmented_control(
        "Analyse",
        _ANALYSES,
        key=address.choice("frontier_analysis", "analysis", _ANALYSES, None),
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
        plan_compare.show(held, scene.frontier.problem)
    elif chosen == _ANALYSES[1] and held is not None:
        plan_trust.show_stability(scene, basis, held)
