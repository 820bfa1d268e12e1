"""Eigenvalues on the Sensitivity page: the largest of every block beside the traces, or the density of all."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.curvature.spectra import rankings
from explorer.errors import CurvatureError
from explorer.figures.curvature import eigenvalues
from explorer.figures.curvature.sensitivity import Order
from explorer.jobs.requests import spec_of
from explorer.plans import network_errors
from explorer.questions import EigenvaluesQuestion
from explorer.runs import Run
from explorer.studies import AnyStudy, Study
from explorer.ui.parts import beside, export, picking, run_panel
from explorer.ui.sensitivity import eigen_form, spectrum_view
from explorer.ui.shell import caches, frame, results, session
from explorer.ui.shell.plain import plain
from explorer.ui.state import address

TOP, DENSITY = "Top eigenvalues", "Spectral density"
OMEGA_BITS = 4
_CHART = "eigenvalues"
_FIRST = 5  # blocks of the order that are named

_COLUMNS: Mapping[str, Any] = {
    "n": st.column_config.NumberColumn("weights, n", format="localized"),
    "lambda": st.column_config.NumberColumn("λ", format="%.4g"),
    "stderr": st.column_config.NumberColumn("± standard error", format="%.1e"),
    "held_out": st.column_config.NumberColumn("on other samples", format="%.4g"),
    "held_out_stderr": st.column_config.NumberColumn("± its error", format="%.1e"),
    "next": st.column_config.NumberColumn("next λ", format="%.4g"),
    "score": st.column_config.NumberColumn("λ/n", format="%.3e"),
    "residual": st.column_config.NumberColumn("residual", format="%.1e"),
}


def show(study: AnyStudy) -> None:
    """Form, progress, figure, and what it says."""
    if not study.has_network:
        st.info(
            "This study has published figures and no network, so no eigenvalue can be measured; "
            "pick a study with weights in the sidebar.",
            icon=":material/info:",
        )
        return
    controls, picture = beside.columns("eigen")
    with controls:
        shown = address.choice("eigen_what", "show", [TOP, DENSITY], TOP)
        what = st.segmented_control("Show", [TOP, DENSITY], required=True, key=shown)
    (_top if what == TOP else spectrum_view.show)(study, controls, picture)


def _top(study: Study, controls: DeltaGenerator, picture: DeltaGenerator) -> None:
    with controls:
        frame.granularity_control()
        order: Order = (
            st.segmented_control(
                "Order",
                ["depth", "rank"],
                required=True,
                key=address.choice("eigen_order", "order", ["depth", "rank"], "depth"),
            )
            or "depth"
        )
        scale = address.choice("eigen_axis", "axis", ["log", "linear"], "log")
        axis = st.segmented_control("Axis", ["log", "linear"], required=True, key=scale)
        samples = eigen_form.samples(study)
        spec = spec_of(study, EigenvaluesQuestion(granularity=session.granularity(), samples=samples))
        run = eigen_form.ask(study, spec, f"Eigenvalues of {study.name}")
    with picture:
        if run is None:
            st.info(
                "Eigenvalues are not computed yet. **Compute** takes them from the gradients of the samples where a block is "
                "piecewise linear in one weight, seconds for all blocks of a network like ResNet-20, and some Hessian-vector "
                "products for every other block and the whole network, a few minutes. It keeps running if you leave this page.",
                icon=":material/play_circle:",
            )
            return
        with beside.watched("eigen"):
            run_panel.watch(run.id, lambda now: _draw_top(study, now, order, axis == "log"))
    if run.result is not None:
        picking.follow(_CHART, session.focus(), session.look_at)
        _orders(study, run.result["eigenvalues"])


def _draw_top(study: Study, run: Run, order: Order, log: bool) -> None:
    """The result, or the blocks so far."""
    records = run.result["eigenvalues"] if run.result else _so_far(run)
    if not records:
        st.caption("The first block appears here in a little while.")
        return
    tops = eigenvalues.view(records, order)
    with beside.drawn("eigen"):
        export.chart(
            eigenvalues.figure(tops, log=log, order=order),
            key=_CHART,
            name="eigenvalues",
            alt=eigenvalues.finding(tops),
            table=lambda: _table(records),
        )
        many = study.noun.many
        st.caption(
            "λ, the **largest eigenvalue** of a block's Hessian, is the curvature along its steepest direction; HAWQ gave "
            "bits in the order of λ/n, HAWQ-V2 by the mean trace, which counts every direction. "
            f"Mean loss over {records[0]['samples']:,} {study.training_name}. The error bar is the sampling error of λ with "
            "its eigenvector held fixed. The diamond is the curvature along the same direction on as many other "
            f"{many}: the largest eigenvalue over all {many} lies between the two. Where they are far apart, take more {many}."
        )
        if unsettled := [
            record["block"] or eigenvalues.WHOLE for record in records if not all(record["converged"])
        ]:
            st.caption(f"Not converged within the products allowed: {plain(', '.join(unsettled))}.")
        with st.expander("The figures as a table", icon=":material/table:"):
            st.dataframe(_table(records), hide_index=True, column_config=_COLUMNS)


def _orders(study: Study, records: Sequence[Mapping[str, Any]]) -> None:
    """The order by eigenvalue against the order by trace."""
    st.header("Would the blocks be ordered differently?")
    traces = results.traces(study, session.granularity())
    if traces is None or traces.result is None:
        st.caption(
            "The two orders are compared here once the traces are computed, in the view **Traces** above."
        )
        return
    names = ["λ/n and Tr(H)/n", f"Ω at {OMEGA_BITS} bits"]
    compared = st.segmented_control(
        "Compare",
        names,
        default=names[0],
        required=True,
        key="eigen_orders",
        help="The first is the order in which bits are given. Ω multiplies by the squared quantization error of the block: "
        "HAWQ fine-tunes blocks in that order.",
    )
    by_trace, by_lambda = rankings.by_trace(traces.result["blocks"]), rankings.by_eigenvalue(records)
    titles = ("mean trace, Tr(H)/n", "λ/n")
    if compared == names[1]:
        widths = network_errors(study, session.blocks(), (OMEGA_BITS,))
        errors = {block: row[OMEGA_BITS] for block, row in widths.items()}
        by_trace = rankings.times(by_trace, errors)
        by_lambda = rankings.fine_tuning_order(records, errors)
        titles = ("mean trace · ‖Q(W) − W‖²", "λ · ‖Q(W) − W‖²")
    try:
        comparison = rankings.compare(by_trace, by_lambda)
    except CurvatureError as error:
        st.caption(f"There is nothing to compare: {plain(str(error))}.")
        return
    export.chart(
        eigenvalues.bump(comparison, *titles),
        key="eigen_bump",
        name="orders",
        alt=f"Rank of every block by {titles[0]} and by {titles[1]}: {eigenvalues.agreement(comparison)}.",
        table=lambda: _ranks(comparison),
    )
    st.caption(
        f"{eigenvalues.agreement(comparison)}. The intervals come from redrawing every trace and eigenvalue within its "
        "standard error. Lines that cross are blocks that the two scores treat differently (HAWQ-V2, figures 1 and 6)."
    )
    if compared == names[1]:
        first = ", ".join(score.block for score in by_lambda[:_FIRST])
        st.caption(f"HAWQ would fine-tune in this order: {plain(first)}, and so on down the right side.")
        return
    sizes = {block["name"]: float(block["n"]) for block in traces.result["blocks"]}
    undivided = rankings.compare(rankings.times(by_trace, sizes), rankings.times(by_lambda, sizes))
    st.caption(
        "Both scores are divided by n, which alone puts large blocks last. Between Tr(H) and λ themselves "
        f"{eigenvalues.agreement(undivided)}."
    )


def _so_far(run: Run) -> list[dict[str, Any]]:
    """The blocks that are found; one that was being recorded when the run was interrupted is there twice."""
    return list({point["block"]: dict(point) for point in caches.store().points(run.id, "found")}.values())


def _table(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    methods = {record["block"] or eigenvalues.WHOLE: record.get("method") for record in records}
    rows = [
        {
            "block": top.name,
            "n": top.n,
            "lambda": top.values[0],
            "stderr": top.stderr,
            "held_out": top.held_out,
            "held_out_stderr": top.held_out_stderr,
            "next": top.values[1] if len(top.values) > 1 else None,
            "score": top.values[0] / top.n,
            "residual": top.residual,
            "method": methods.get(top.name),
        }
        for top in eigenvalues.view(records)
    ]
    return pd.DataFrame(rows)


def _ranks(comparison: rankings.Comparison) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "block": [score.block for score in comparison.first],
            "by_trace": [score.value for score in comparison.first],
            "rank_by_trace": comparison.first_ranks,
            "by_eigenvalue": [score.value for score in comparison.second],
            "rank_by_eigenvalue": comparison.second_ranks,
        }
    )
