"""Does the proxy hold? Predicted damage against the loss of real plans, measured without training."""

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
        "Ω is a prediction. Here 80 plans, along the frontier and off it, are quantized and their loss is measured on real "
        "images, without training. If the proxy holds, the dots rise together: that is the rank correlation, with its "
        "bootstrap interval."
    )
    if not isinstance(study, Study):
        st.info(
            "This study holds published figures only: there is no network to measure. Choose a network study."
        )
        return
    spec = spec_of(study, ProxyQuestion(granularity=session.granularity()))
    run_panel.compute(
        {f"Does the proxy hold? {study.name}": spec},
        label="Measure 80 plans",
        there="It is there, or on its way.",
        key="compute_proxy",
    )
    run = caches.store().find(spec)
    if run is None:
        st.caption(
            "It takes about a quarter of an hour on two cores, goes on when you leave the page, and can be stopped."
        )
        return
    run_panel.watch(run.id, _draw)


def _draw(run: Run) -> None:
    if run.result is None:
        points = caches.store().points(run.id, "plans")
        if points:
            st.caption(f"{len(points)} plans measured so far.")
        return
    result = run.result
    export.chart(
        picture.figure(picture.view(result)),
        key="proxy",
        name="proxy",
        alt="Predicted damage against measured rise of the loss, one panel a measure",
        table=lambda: pd.json_normalize(result["plans"]),
    )
    st.caption(
        "Dots at equal height that lie apart sideways are plans the measure tells apart though the loss does not. The dotted "
        "line is the second-order prediction, ½Ω."
    )
