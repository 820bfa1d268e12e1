"""Prediction against measured loss: Ω of many plans beside their loss, measured without training."""

import pandas as pd
import streamlit as st

from explorer.figures.plans import proxy as picture
from explorer.jobs.requests import spec_of
from explorer.questions import ProxyQuestion
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import export, run_panel
from explorer.ui.shell import caches, session


def show() -> None:
    """The run, its picture, and what the ranks say."""
    study = session.study()
    st.write(
        "Ω is a prediction. Here 80 plans, on the frontier and off it, are quantized and their loss is measured on test "
        f"{study.noun.many}, without training. The better the prediction, the closer the dots follow a rising curve: the rank "
        "correlation says how closely, with its bootstrap interval."
    )
    if not isinstance(study, Study):
        st.info(
            "This study holds published figures only: there is no network to measure. Choose a network study."
        )
        return
    spec = spec_of(study, ProxyQuestion(granularity=session.granularity()))
    run_panel.compute(
        {f"Prediction vs. measured loss of {study.name}": spec},
        label="Measure 80 plans",
        there="Already computed, or running.",
        key="compute_proxy",
    )
    run = caches.store().find(spec)
    if run is None:
        st.caption(
            "It takes about 15 minutes on two cores, keeps running if you leave this page, and can be stopped."
        )
        return
    run_panel.watch(run.id, lambda run: _draw(run, study.metric.name))


def _draw(run: Run, metric: str) -> None:
    if run.result is None:
        points = caches.store().points(run.id, "plans")
        if points:
            st.caption(f"{len(points)} plans measured so far.")
        return
    result = run.result
    export.chart(
        picture.figure(picture.view(result, metric)),
        key="proxy",
        name="proxy",
        alt="Predicted damage against measured rise of the loss, one panel per measure",
        table=lambda: pd.json_normalize(result["plans"]),
    )
    st.caption(
        "Dots at equal height but far apart sideways are plans that the measure separates and the loss does not. The "
        "dotted line is the second-order prediction, ½Ω."
    )
