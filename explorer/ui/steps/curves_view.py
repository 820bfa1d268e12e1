"""Curves of the paper on any study: error against step, loss against p, distance and images."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from explorer.figures.steps import curves as step_curves
from explorer.jobs import steps as step_answers
from explorer.jobs.requests import spec_of
from explorer.questions import LapqSweepQuestion
from explorer.questions.steps import Sweep
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import live_chart, run_panel
from explorer.ui.shell import caches
from explorer.ui.state import address
from explorer.ui.steps import form as steps_form
from explorer.ui.steps import tensor as steps_tensor
from explorer.ui.steps.form import Asked

SWEEPS: Mapping[Sweep, str] = {
    "p": "loss against p",
    "distance": "loss against a common scale of all steps",
    "calibration": "number of calibration samples",
    "error": "quantization error of one tensor",
}
OF: Mapping[str, str] = {"loss": "calibration loss", "test_loss": "test loss", "accuracy": "test accuracy"}
NORMAL = "a normal distribution"
_ABOUT: Mapping[str, str] = {
    "error": "L_p quantization error of one tensor against its step, for several p, each relative to its own minimum. A larger p "
    "weighs the few large values more and favours a larger step (LAPQ, Fig. 4).",
    "p": "Every tensor gets the step of least L_p error. Which p is best for the network depends on the bits: at few bits the "
    "choice matters a lot, at many bits hardly (LAPQ, Figs. 3 and 5b).",
    "distance": "All steps multiplied by the same number: near the optimum the loss is close to a parabola, which the second phase "
    "relies on (LAPQ, Fig. 5a).",
    "calibration": "Steps found with so many samples, measured on the test samples: mean of three draws and its standard error "
    "(LAPQ, Fig. B.2).",
}


def show(study: Study) -> None:
    """Controls and the curve as it grows."""
    asked, controls, picture = steps_form.columns(study, with_method=False)
    if asked is None:
        return
    with controls:
        sweep = st.selectbox(
            "Sweep",
            list(SWEEPS),
            format_func=SWEEPS.__getitem__,
            key=address.choice("steps_sweep", "sweep", SWEEPS, next(iter(SWEEPS))),
            persist_state="session",
        )
        question = _question(study, asked, sweep)
        if question is not None:
            run_panel.compute(
                {f"{SWEEPS[sweep].capitalize()}, {asked.name}": spec_of(study, question)},
                there="Already computed or running; choose other bits or another sweep.",
                key="steps_sweep_compute",
            )
        of = "loss"
        if sweep in ("p", "calibration"):
            named = {**OF, "accuracy": f"test {study.metric.name}"}
            of = st.selectbox(
                "Measure",
                list(OF),
                format_func=named.__getitem__,
                key=address.choice("steps_of", "of", OF, "accuracy"),
                persist_state="session",
            )
        steps_form.terms(study)
    if question is not None:
        with picture:
            _show(study, question, sweep, of)


def _show(study: Study, question: LapqSweepQuestion, sweep: Sweep, of: str) -> None:
    run = caches.store().find(spec_of(study, question))
    if run is None:
        st.info(
            f"This sweep is not computed yet. Press **Compute**. {_ABOUT[sweep]}",
            icon=":material/play_circle:",
        )
        return
    run_panel.watch(run.id, lambda run: _draw(study, question, run, of))


def _question(study: Study, asked: Asked, sweep: Sweep) -> LapqSweepQuestion | None:
    options = asked.options
    if sweep == "error":
        held = steps_tensor.trial(asked.every_layer())
        if held is None:
            return None
        names = [site.name for site in held.sites]
        site = st.selectbox(
            "Tensor",
            [NORMAL, *names],
            key=address.choice(f"steps_error_site_{len(names)}", "tensor", [NORMAL, *names], NORMAL),
            persist_state="session",
        )
        options |= {"site": None, "leave": None} if site == NORMAL else {"site": site}
    if sweep == "distance":
        result = step_answers.best_search(caches.store(), study, asked.search)
        if result is not None:
            options["steps"] = dict(result.steps)
    return LapqSweepQuestion(sweep=sweep, **options)


def _draw(study: Study, question: LapqSweepQuestion, run: Run, of: str) -> None:
    steps_form.progress_row(run)
    sweep = question.sweep
    content = _content(run)
    if content is None:
        st.caption("Points appear here as they are measured.")
        return
    view = _view(study, content, sweep, of)
    if run.result is not None and sweep != "error":
        alike = step_answers.at_all_bits(caches.store(), study, question, free=("steps",))
        others = {
            name: _view(study, each.result.to_json(), sweep, of)
            for name, each in alike.items()
            if each.run.id != run.id
        }
        own = next(name for name, each in alike.items() if each.run.id == run.id)
        view = step_curves.beside(view, own, others)
    if not any(curve.x for curve in view.curves):
        st.info(f"This study counts no {study.metric.name}, only its loss.", icon=":material/info:")
        return
    live_chart.draw(
        step_curves.figure(view, height=400, revision=f"{run.id} {of}"),
        key="steps_curve",
        name=f"step-{sweep}",
        alt=SWEEPS[sweep],
        table=lambda: pd.DataFrame(
            [
                {"curve": curve.name, view.x_title: x, view.y_title: y}
                for curve in view.curves
                for x, y in zip(curve.x, curve.y, strict=True)
            ]
        ),
    )
    begun = ""
    if sweep == "distance":
        found = "the joint phase" if question.steps else "the best p"
        begun = f" Δ* are the steps of {found}."
    st.caption(f"{_ABOUT[sweep]}{begun} Computed sweeps at other bits are drawn beside it.")


def _content(run: Run) -> dict[str, Any] | None:
    if run.result is not None:
        return run.result
    points = caches.store().points(run.id, "points")
    return {"points": points, "coefficients": [], "vertex": None} if points else None


def _view(study: Study, content: Mapping[str, Any], sweep: str, of: str) -> step_curves.View:
    unit, metric = steps_form.unit(study), study.metric.name
    if sweep == "error":
        return step_curves.errors_view(content)
    if sweep == "p":
        return step_curves.p_view(content, of=of, unit=unit, metric=metric)
    if sweep == "distance":
        return step_curves.distance_view(content, unit=unit)
    return step_curves.calibration_view(content, of=of, unit=unit, metric=metric)
