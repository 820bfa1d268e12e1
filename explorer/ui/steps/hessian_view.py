"""Interactions view: second derivatives by steps, couplings, and interactions without derivatives."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer.figures import look
from explorer.figures.steps import curves as step_curves
from explorer.figures.steps import hessian as step_hessian
from explorer.jobs import registry
from explorer.jobs import steps as step_answers
from explorer.jobs.requests import spec_of
from explorer.lapq.diagnostics.dependence import Dependence
from explorer.questions import LapqHessianQuestion
from explorer.questions.steps import How
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import export, picking, run_panel
from explorer.ui.shell import caches
from explorer.ui.state import address
from explorer.ui.steps import form as steps_form
from explorer.ui.steps import tensor as steps_tensor
from explorer.ui.steps.surface_view import FIRST, SECOND

_MAP = "steps_hessian"
HOWS: Mapping[How, str] = {
    "straight-through": "straight-through",
    "finite-differences": "finite differences",
}
SHOWN: Mapping[str, str] = {
    "hessian": "second derivatives",
    "coupling": "coupling",
    "interactions": "interactions",
    "distance": "coupling by distance",
    "bits": "curvature by bits",
    "shares": "interactions by bits",
}
_ABOUT: Mapping[str, str] = {
    "hessian": "Rows and columns are tensors in network order; the colour is ∂²L/∂log Δᵢ ∂log Δⱼ. The diagonal is the curvature "
    "along one step; an entry off the diagonal means that the two steps interact. Neighbouring tensors usually stand out "
    "(LAPQ, Fig. A.1).",
    "coupling": "Second derivatives without their scale, |Hᵢⱼ|/√|Hᵢᵢ Hⱼⱼ|: 0 where two steps can be chosen independently; near 1 "
    "where a change of one can replace a change of the other.",
    "interactions": "Diagonal: loss added by quantizing one tensor alone. Off the diagonal: loss added by quantizing two tensors beyond "
    "the sum of both (LAPQ, eq. 7). Measured, without derivatives.",
    "distance": "Mean coupling of tensors by their distance in the network, one line for each computed bit width.",
    "bits": "log₁₀ of the Gaussian curvature of the loss over all steps, for each computed bit width with the same options. The "
    "paper finds it orders of magnitude higher at 2 bits than at 4 (eqs. 9 to 11).",
    "shares": "Share of the quantization damage that is not the sum of the tensors' own damages, for each computed bit width with "
    "the same options (LAPQ, eq. 7). Near 0, steps can be chosen one by one.",
}
_ACROSS: Mapping[str, Callable[[Sequence[Mapping[str, Any]]], step_curves.View]] = {
    "distance": step_curves.coupling_view,
    "bits": step_curves.curvature_view,
    "shares": step_curves.separability_view,
}


def show(study: Study) -> None:
    """Controls and the heat map."""
    asked, controls, picture = steps_form.columns(study, with_method=False)
    if asked is None:
        return
    with controls:
        how = st.selectbox(
            "Derivatives",
            list(HOWS),
            format_func=HOWS.__getitem__,
            key=address.choice("steps_how", "how", HOWS, next(iter(HOWS))),
            persist_state="session",
            help="*straight-through*: differentiates the network twice with rounding treated as the identity, as the paper's "
            "code does. *finite differences*: uses measured losses; n² + n + 1 evaluations.",
        )
        pairs = st.toggle(
            "interactions",
            key=address.switch("steps_pairs", "pairs"),
            persist_state="session",
            help="Also measures the loss that every two tensors add beyond the sum of both; n(n - 1)/2 evaluations.",
        )
        question = LapqHessianQuestion(how=how, separability=pairs, **asked.options)
        run_panel.compute(
            {f"Hessian of steps {asked.name}": spec_of(study, question)},
            there="Already computed or running; choose other bits.",
            key="steps_hessian_compute",
        )
        steps_form.terms(study)
    with picture:
        _show(study, question)


def _show(study: Study, question: LapqHessianQuestion) -> None:
    run = caches.store().find(spec_of(study, question))
    if run is None:
        st.info(
            "Second derivatives are not computed yet. Press **Compute**: second derivatives of the loss by every two steps, at "
            "the steps of the best p. This takes a few minutes; fewer calibration samples (under More options), or quantizing only "
            "weights or only activations, is quicker.",
            icon=":material/play_circle:",
        )
        return
    run_panel.watch(run.id, lambda run: _draw(study, question, run))


def _draw(study: Study, question: LapqHessianQuestion, run: Run) -> None:
    steps_form.progress_row(run)
    if run.result is None:
        st.caption("The heat map appears here when all derivatives are computed.")
        return
    shown = (
        st.segmented_control(
            "Shown",
            list(SHOWN),
            format_func=SHOWN.__getitem__,
            required=True,
            key=address.choice("steps_shown", "shown", SHOWN, "hessian"),
            persist_state="session",
            label_visibility="collapsed",
        )
        or "hessian"
    )
    found: Dependence = registry.result(question.kind, run.result)
    apart = found.separability
    if shown in ("interactions", "shares") and apart is None:
        st.info(
            "Interactions are not measured in this run; switch them on above and press **Compute**.",
            icon=":material/info:",
        )
        return
    if shown in _ACROSS:
        _across(study, question, run, shown, found)
    else:
        view = (
            step_hessian.interactions_view(apart.to_json())
            if shown == "interactions" and apart is not None
            else step_hessian.view(
                found.hessian.to_json(), shown="coupling" if shown == "coupling" else "hessian"
            )
        )
        export.chart(
            step_hessian.figure(view, height=520, revision=f"{run.id} {shown}"),
            key=_MAP,
            name=f"step-{shown}",
            alt=f"{SHOWN[shown]} of every two steps",
            table=lambda: (
                pd.DataFrame(view.values, columns=list(view.names), index=list(view.names))
                .rename_axis("tensor")
                .reset_index()
            ),
        )
        _pickable(view.names)
    st.caption(f"{_ABOUT[shown]} {_numbers(found)}")


def _pickable(names: Sequence[str]) -> None:
    """A click on a square opens the loss over its two steps; on the diagonal, its step by hand."""
    pairs = {step_hessian.pair_name(row, column): (row, column) for row in names for column in names}

    def picked(name: str) -> None:
        row, column = pairs[name]
        if row == column:
            st.session_state[steps_tensor.SITE] = row
            st.session_state[steps_form.VIEW] = "Manual"
        else:
            st.session_state[FIRST], st.session_state[SECOND] = row, column
            st.session_state[steps_form.VIEW] = "Two-step surface"

    picking.follow(_MAP, None, picked)
    st.caption(
        "Click a square to see the loss over its two steps, or a square on the diagonal to set its step manually."
    )


def _across(study: Study, question: LapqHessianQuestion, run: Run, shown: str, found: Dependence) -> None:
    """Curves over all bit widths computed with the same options."""
    if shown != "distance" and question.plan is not None:
        st.info(
            "The tensors of a mixed plan have several bit widths, so it has no place on an axis of bits; choose *one for all* "
            "under Bit widths to compare widths.",
            icon=":material/info:",
        )
        return
    alike = step_answers.at_all_bits(caches.store(), study, question).values()
    results: list[Dependence] = [each.result for each in alike]
    same = [each for each in results if each.hessian.sites == found.hessian.sites]
    parts = [each.separability if shown == "shares" else each.hessian for each in same]
    kept = [part.to_json() for part in parts if part is not None]
    view = _ACROSS[shown](kept)
    export.chart(
        step_curves.figure(view, height=430, revision=f"{run.id} {shown} {len(kept)}"),
        key="steps_across",
        name=f"step-{shown}",
        alt=SHOWN[shown],
        table=lambda: pd.DataFrame(
            [
                {"curve": curve.name, "x": x, "y": y}
                for curve in view.curves
                for x, y in zip(curve.x, curve.y, strict=True)
            ]
        ),
    )
    if len(kept) == 1:
        st.info("Only this bit width is computed; compute another one to compare.", icon=":material/info:")


def _numbers(found: Dependence) -> str:
    curvature, apart = found.hessian.curvature("clip"), found.separability
    text = (
        f"Gaussian curvature with respect to clipping values (eq. 9): {look.power_text(curvature.log10, curvature.sign)}; "
        f"with the exponent for {len(found.hessian.sites)} steps: {look.power_text(curvature.log10_n, curvature.sign)}. "
    )
    if apart is not None:
        text += f"Interactions make up {apart.share:.0%} of the damage of quantizing all tensors."
    return text
