"""The loss over the steps of two tensors, with what LAPQ finds on it."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import streamlit as st

from explorer.figures.steps import surface as step_surface
from explorer.jobs import answers
from explorer.jobs.requests import spec_of
from explorer.lapq.diagnostics.surfaces import Surface
from explorer.lapq.phases.quadratic import POINTS
from explorer.questions import LapqSurfaceQuestion
from explorer.questions.steps import Others
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import live_chart, run_panel
from explorer.ui.shell import caches
from explorer.ui.state import address
from explorer.ui.steps import form as steps_form
from explorer.ui.steps import tensor as steps_tensor
from explorer.ui.steps.form import Asked

FIRST, SECOND = "steps_first", "steps_second"  # keys of the two tensors
SIDES = (17, 33, 65)
OTHERS: Mapping[Others, str] = {"float": "in FP32", "quantized": "quantized"}


def show(study: Study) -> None:
    """Controls, and the surface as it grows."""
    asked, controls, picture = steps_form.columns(study, with_method=False)
    if asked is None:
        return
    with controls:
        others = st.selectbox(
            "Other tensors",
            list(OTHERS),
            format_func=OTHERS.__getitem__,
            key=address.choice("steps_others", "others", OTHERS, next(iter(OTHERS))),
            persist_state="session",
            help="*in FP32*: only these two are quantized, as in the paper's figures. *quantized*: all others have the steps of "
            "the best p.",
        )
    with picture:
        held = steps_tensor.trial(asked.every_layer() if others == "float" else asked)
        if held is None:
            return
        names = [site.name for site in held.sites]
        if len(names) < 2:
            st.info("Only one tensor is quantized; a surface needs two.", icon=":material/info:")
            return
    with controls:
        first = _tensor("First tensor", FIRST, names, _late(names)[0])
        second = _tensor("Second tensor", SECOND, names, _late(names)[1])
        points = st.selectbox(
            "Points",
            SIDES,
            format_func=lambda side: f"{side} × {side}",
            key=address.choice("steps_points", "points", SIDES, LapqSurfaceQuestion.default("points")),
            persist_state="session",
            help="Measured coarse to fine; the picture appears after the first rows.",
        )
        if first == second:
            question = None
        else:
            question = LapqSurfaceQuestion(
                first=first, second=second, points=points, others=others, **asked.options
            )
            run_panel.compute(
                {f"Loss over two steps, {asked.name}": spec_of(study, question)},
                there="Already computed or running; choose other tensors or bits.",
                key="steps_surface_compute",
            )
        steps_form.terms(study)
    with picture:
        if question is None:
            st.info("Choose two different tensors.", icon=":material/info:")
        else:
            _show(study, asked, question)


def _show(study: Study, asked: Asked, question: LapqSurfaceQuestion) -> None:
    answer = answers.answer(caches.store(), study, question)
    if answer is None:
        st.info(
            f"This surface is not computed yet. Press **Compute**: {question.points**2:,} losses on {asked.calibration} calibration {study.noun.many}, "
            "coarse to fine. Later tensors are quicker, since the layers before them are computed once.",
            icon=":material/play_circle:",
        )
        return
    with st.container(horizontal=True, gap="medium"):
        log, relief = _looks()
    unit = steps_form.unit(study)
    run_panel.watch_all([answer.run.id], lambda runs: _draw(runs[0], asked.name, log, relief, unit))


def _late(names: Sequence[str]) -> tuple[str, str]:
    """Two late tensors of one kind, inputs where there are any; they are quick and, the paper says, coupled."""
    inputs = [name for name in names if name.endswith(".input")]
    some = inputs if len(inputs) > 1 else names
    return (some[-3], some[-2]) if len(some) > 2 else (some[0], some[1])


def _tensor(label: str, key: str, names: Sequence[str], usual: str) -> str:
    address.choice(key, label.split()[0].lower(), names, usual)
    return str(st.selectbox(label, names, key=key, persist_state="session"))


def _looks() -> tuple[bool, bool]:
    drawn = st.segmented_control(
        "Drawn as",
        ["contours", "3-D"],
        required=True,
        label_visibility="collapsed",
        key=address.choice("steps_drawn", "drawn", ["contours", "3-D"], "contours"),
        persist_state="session",
    )
    scale = st.segmented_control(
        "Loss axis",
        ["linear", "log"],
        format_func="{} loss axis".format,
        required=True,
        label_visibility="collapsed",
        key=address.choice("steps_height", "axis", ["linear", "log"], "linear"),
        persist_state="session",
    )
    return scale == "log", drawn == "3-D"


def _draw(run: Run, bits: str, log: bool, relief: bool, unit: str) -> None:
    steps_form.progress_row(run)
    found = _surface(run)
    if found is None:
        st.caption("The first points appear in a few seconds, when the steps of each p are known.")
        return
    view = step_surface.view(found.to_json(), log=log, unit=unit)
    draw = step_surface.surface if relief else step_surface.contours
    live_chart.draw(
        draw(view, revision=f"{run.id} {log} {relief}"),
        key="steps_surface",
        name="step-surface",
        alt=f"Loss over the steps of {found.sites[0]} and {found.sites[1]}",
        table=lambda: _points(found),
    )
    st.caption(_words(found, bits))


def _surface(run: Run) -> Surface | None:
    """The result, or what there is of it so far."""
    if run.result is not None:
        return Surface.from_json(run.result)
    store = caches.store()
    frames = store.points(run.id, "surface")
    if not frames:
        return None
    found = Surface.from_json(frames[-1])
    for points in store.points(run.id, "points"):
        found = found.with_points(points)
    return found


def _words(found: Surface, bits: str) -> str:
    marks = {mark.kind: mark for mark in found.marks}
    lp = [mark for mark in found.marks if mark.kind == "lp"]
    best = min(lp, key=lambda mark: mark.loss)
    quadratic, optimum = marks["quadratic"], marks["optimum"]
    low = np.unravel_index(np.nanargmin(found.loss), found.loss.shape) if found.measured else None
    lower = ""
    if low is not None and found.loss[low] < optimum.loss:
        first, second = (float(axis[at]) for axis, at in zip(found.axes, low, strict=True))
        lower = (
            f"The lowest point of the grid, {first:.3g} and {second:.3g}, has loss {found.loss[low]:.4g}: the descent went "
            "to another minimum. "
        )
    names = step_surface.NAMES
    return (
        f"{bits}, all other tensors {OTHERS[found.others]}, {found.calibration} calibration samples. "
        f"**{names['lp']}** (white): the steps of least L_p error; the best of them, p = {best.p:g}, has loss {best.loss:.4g}. "
        f"**{names['quadratic']}** (star): result of phase 2, the best p from {POINTS[0]:g} to {POINTS[-1]:g}, p = "
        f"{quadratic.p:.3g}, loss {quadratic.loss:.4g}. **{names['path']}** (line): path of Powell's method from there to the "
        f"**{names['optimum']}** (cross), loss {optimum.loss:.4g}. {lower}A diagonal valley means that the two steps interact; at "
        f"fewer bits it is steeper (LAPQ, Figs. 1 and 2). {found.measured:,} of {len(found.axes[0])} × {len(found.axes[1])} "
        f"points, for {found.forward_equivalents:,.0f} full forward passes."
    )


def _points(found: Surface) -> pd.DataFrame:
    first, second = found.sites
    return pd.DataFrame(
        [
            {first: float(a), second: float(b), "loss": float(found.loss[i, j])}
            for i, a in enumerate(found.axes[0])
            for j, b in enumerate(found.axes[1])
        ]
    ).dropna()
