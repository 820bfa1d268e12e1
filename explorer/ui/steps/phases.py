"""Three phases of LAPQ as they arrive: every step by itself, the best p, all steps jointly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import streamlit as st

from explorer.figures import look
from explorer.figures.steps import curves as step_curves
from explorer.jobs import steps as step_answers
from explorer.jobs.requests import spec_of
from explorer.lapq import LapqResult, Stage
from explorer.lapq.phases.quadratic import POINTS, parabola, vertex_within
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import live_chart, run_panel
from explorer.ui.shell import caches, results
from explorer.ui.shell.plain import plain
from explorer.ui.state import address
from explorer.ui.steps import form as steps_form
from explorer.ui.steps import hand as steps_hand
from explorer.ui.steps import tensor as steps_tensor
from explorer.ui.steps.form import Asked

LAYERWISE_P = 2.0
PHASES: Mapping[str, str] = {
    "layerwise": "1 layer-wise",
    "quadratic": "2 best p",
    "joint": "3 joint",
}
STAGE_COLUMNS: Mapping[str, Any] = {
    "calibration": st.column_config.NumberColumn(
        "calibration loss", format="%.4f", help="Mean over the calibration samples; the phases minimise it."
    ),
    "loss": st.column_config.NumberColumn("test loss", format="%.4f"),
    "loss_error": st.column_config.NumberColumn("± s.e.", format="%.4f"),
    "error": st.column_config.NumberColumn("± s.e. ", format="%.2f"),
}


@dataclass(frozen=True)
class Arrived:
    """Part of a search that has arrived.

    Attributes:
        p_points: ``p`` and ``loss`` of every p tried, in the order in which they were.
        path: how the joint phase went down.
        result: all of it, once it is done.
    """

    p_points: tuple[Mapping[str, Any], ...]
    path: tuple[Mapping[str, Any], ...]
    result: LapqResult | None

    @property
    def phase(self) -> str:
        """The last phase that there is something of."""
        return "joint" if self.path else "quadratic" if self.p_points else "layerwise"

    @property
    def best(self) -> Mapping[str, Any]:
        """The p of least loss."""
        return min(self.p_points, key=lambda point: float(point["loss"]))


def arrived(run: Run) -> Arrived:
    """What a search has produced so far."""
    store = caches.store()
    points, path = store.points(run.id, "p_curve"), store.points(run.id, "path")
    return Arrived(
        tuple(points), tuple(path), None if run.result is None else LapqResult.from_json(run.result)
    )


def show(study: Study) -> None:
    """Controls, the search as it goes, and what it is worth."""
    asked, controls, picture = steps_form.columns(study)
    if asked is None:
        return
    spec = spec_of(study, asked.search)
    with controls:
        run_panel.compute(
            {f"Step sizes {asked.name}": spec},
            there="Already computed or running; choose other bits or another method.",
            key="steps_compute",
        )
        steps_form.terms(study)
    with picture:
        _show(study, asked, caches.store().find(spec))


def _show(study: Study, asked: Asked, run: Run | None) -> None:
    if run is None:
        st.info(
            "These steps are not computed yet. Press **Compute**: every tensor gets the step of least squared error, then the "
            "best p is found, then all steps are optimised jointly. This takes about a minute with Gradient, several with "
            "Powell, and keeps running if you leave this page. The first phase needs no run and is shown below.",
            icon=":material/play_circle:",
        )
        st.caption(_layerwise(study, asked, None))
        return
    run_panel.watch(run.id, lambda run: _draw(study, asked, run))


def _draw(study: Study, asked: Asked, run: Run) -> None:
    steps_form.progress_row(run)
    found = arrived(run)
    # A widget of its own for every phase, so that the picture follows until somebody chooses.
    phase = st.segmented_control(
        "Phase",
        list(PHASES),
        format_func=PHASES.__getitem__,
        required=True,
        key=address.choice(f"steps_phase_{run.id}_{found.phase}", "phase", PHASES, found.phase),
        label_visibility="collapsed",
    )
    if phase == "layerwise":
        words = _layerwise(study, asked, found.result)
    elif phase == "quadratic":
        words = _quadratic(study, run, found)
    else:
        words = _joint(study, asked, run, found)
    _numbers(study, asked, found)
    st.caption(words)


def _layerwise(study: Study, asked: Asked, result: LapqResult | None) -> str:
    """The picture; what is said about it is given back, as of the other phases."""
    held = steps_tensor.trial(asked)
    if held is None:
        return ""
    if result is None:
        first = steps_tensor.least_error_steps(asked, held, LAYERWISE_P)
        stages: dict[str, Mapping[str, float]] = {"layerwise": first}
    else:
        stages = {name: stage.steps for name, stage in result.stages.items()}
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        site = steps_tensor.pick(held.sites)
        steps_tensor.log_toggle()
    steps_tensor.strip(held.sites, stages, site.name)
    step = stages["layerwise"][site.name]
    view = steps_tensor.show(asked, held, site, step, key="steps_histogram", height=260)
    text = f"{steps_tensor.words(site, view, step)} Every dot above is a tensor: its clipping value as a share of its largest value. Click one to see it. "
    if result is not None:
        text += (
            "Filled dots are the result of the joint phase; where they differ from the layer-wise ones, the network gained "
            "although the tensor's own error grew. "
        )
    return f"{text}Inputs are taken from the FP32 network on the first calibration {study.noun.many}."


def _quadratic(study: Study, run: Run, found: Arrived) -> str:
    if not found.p_points:
        return "Points appear here as they are measured, a few seconds each."
    curve = _curve(found)
    view = step_curves.p_view(curve, unit=steps_form.unit(study))
    best = found.best
    spot = step_curves.Spot(f"chosen, p = {best['p']:.3g}", best["p"], best["loss"], look.WEIGHTS)
    view = replace(view, spots=(*view.spots, spot))
    live_chart.draw(
        step_curves.figure(view, height=320, revision=f"{run.id} p"),
        key="steps_p",
        name="step-p",
        alt="Calibration loss against p, with the fitted parabola and the chosen p",
        table=lambda: pd.DataFrame(found.p_points),
    )
    text = (
        "For each dot, every tensor has the step of least L_p error for one p, and the loss of the whole network is measured. "
        "A small p clips many values, a large p few. "
    )
    if not curve["coefficients"]:
        text += "The parabola is fitted after the last point."
    elif curve["vertex"] is None:
        text += (
            f"The parabola has no minimum between {POINTS[0]:g} and {POINTS[-1]:g}, so it is not used: the best measured point "
            f"is taken, p = {best['p']:.3g}."
        )
    else:
        text += (
            f"The parabola has its minimum at p* = {curve['vertex']:.3g}, which is measured too. The best point overall, "
            f"p = {best['p']:.3g}, is the start of the joint phase."
        )
    return text


def _joint(study: Study, asked: Asked, run: Run, found: Arrived) -> str:
    if not found.path:
        return "The descent appears here when the first two phases are done."
    paths = {steps_form.METHODS[asked.method]: found.path, **_others(study, asked)}
    view = step_curves.descent_view(paths, unit=steps_form.unit(study))
    live_chart.draw(
        step_curves.figure(view, height=320, revision=f"{run.id} joint"),
        key="steps_joint",
        name="step-descent",
        alt="Best calibration loss so far against the work it took",
        table=lambda: pd.DataFrame(
            [
                {"method": name, **{key: value for key, value in point.items() if key != "steps"}}
                for name, path in paths.items()
                for point in path
            ]
        ),
    )
    first, last = found.path[0], found.path[-1]
    text = (
        f"All steps are optimised jointly, from the best p ({first['loss']:.4g}) down to {last['loss']:.4g}. Each dot is a set "
        "of steps better than all before it; the horizontal axis is work, in forward passes over all calibration samples "
        "(a backward pass counts as two). "
    )
    if found.result is not None:
        text += (
            f"{found.result.joint_evaluations:,} evaluations, {found.result.joint_equivalents:,.0f} forward passes; the "
            f"whole search took {found.result.seconds:.0f} s. "
        )
    if len(paths) == 1:
        text += "Another method computed for the same bits is drawn beside this one."
    return text


def _others(study: Study, asked: Asked) -> dict[str, Sequence[Mapping[str, Any]]]:
    """Paths of the other methods for the same question, where they were computed."""
    others = step_answers.searches(caches.store(), study, asked.search)
    return {
        steps_form.METHODS[name]: [point.to_json() for point in result.path]
        for name, result in others.items()
        if name != asked.method
    }


def _curve(found: Arrived) -> dict[str, Any]:
    """Points tried, and the parabola once all its points are there, for the figure."""
    points = sorted(found.p_points, key=lambda point: float(point["p"]))
    fitted = found.p_points[: len(POINTS)]
    coefficients: tuple[float, ...] = ()
    if len(fitted) == len(POINTS):
        coefficients = parabola([point["p"] for point in fitted], [point["loss"] for point in fitted])
    vertex = vertex_within(coefficients, POINTS[0], POINTS[-1])
    return {"points": points, "coefficients": coefficients, "vertex": vertex}


def _numbers(study: Study, asked: Asked, found: Arrived) -> None:
    """Loss and accuracy of each phase, and the button that uses its steps."""
    counted = st.column_config.NumberColumn(f"test {study.metric.name} (%)", format="%.2f")
    st.dataframe(stages(found), hide_index=True, column_config={**STAGE_COLUMNS, "accuracy": counted})
    if found.result is None:
        st.caption(
            f"Test {study.noun.many} are measured at the end. {plain(study.remark or 'They are not used to choose anything.')}"
        )
        return
    st.caption(
        f"Calibration: {found.result.calibration:,} {study.training_name}, optimised on "
        f"these {study.noun.many}, hence optimistic; test: all shipped test {study.noun.many}, with the standard error."
        f"{_unquantized(study)}"
    )
    result = found.result
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        stage = st.selectbox(
            "Steps of phase",
            list(PHASES)[::-1],
            format_func=PHASES.__getitem__,
            key="steps_take_stage",
            width=180,
        )
        steps_hand.button(
            lambda blocks: result.plan(study, blocks, stage=stage, name=f"LAPQ {asked.name}"),
            form=asked.form,
            key="steps_take",
        )


def _unquantized(study: Study) -> str:
    full = results.full_precision(study)
    if full is None:
        return ""
    accuracy = full["accuracy"]
    right = (
        ""
        if accuracy is None
        else f", {study.metric.name} {look.percent_text(accuracy, full['accuracy_stderr'])}"
    )
    return f" In FP32: test loss {full['loss']:.4f} ± {full['loss_stderr']:.4f}{right}."


def stages(found: Arrived) -> pd.DataFrame:
    """One row a phase that has come."""
    if found.result is not None:
        rows = [_row(name, stage.calibration_loss, stage) for name, stage in found.result.stages.items()]
    else:
        known = {
            "layerwise": [point["loss"] for point in found.p_points[:1]],
            "quadratic": [found.best["loss"]] if found.p_points else [],
            "joint": [point["loss"] for point in found.path[-1:]],
        }
        rows = [_row(name, loss, None) for name, losses in known.items() for loss in losses]
    return pd.DataFrame(rows, columns=list(rows[-1]) if rows else ["phase", "calibration"])


def _row(name: str, calibration: float, measured: Stage | None) -> dict[str, Any]:
    row: dict[str, Any] = {"phase": PHASES[name], "calibration": calibration}
    if measured is not None:
        row |= {"loss": measured.loss, "loss_error": measured.loss_stderr}
        if measured.accuracy is not None and measured.accuracy_stderr is not None:
            row |= {"accuracy": measured.accuracy * 100, "error": measured.accuracy_stderr * 100}
    return row
