"""The picture of the Sensitivity page: traces of weights, of activations or of both, and what is said under it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer.figures.curvature import sensitivity
from explorer.figures.curvature.sensitivity import Of, Order, Panel
from explorer.runs import Run
from explorer.studies import ProfileStudy, Study
from explorer.ui.parts import beside, export, picking, run_panel, tables
from explorer.ui.sensitivity import block_view, trace_form
from explorer.ui.shell import frame, results, session
from explorer.ui.shell.plain import plain
from explorer.ui.state import address

_CHART = "traces"


def show(study: Study) -> None:
    """Controls, picture, and the block that was clicked."""
    controls, picture = beside.columns("traces")
    with controls:
        sorts, order, log = _controls(choose_sort=True)
        runs = trace_form.ask(study, sorts)
    if not runs:
        picture.info(
            "Not computed yet. **Compute traces** takes about half a minute for a network like ResNet-20 and keeps "
            "running if you leave this page.",
            icon=":material/play_circle:",
        )
        return
    of_run = {run.id: of for of, run in runs.items()}
    with picture, beside.watched("traces"):
        run_panel.watch_all(
            list(of_run),
            lambda found: _draw({of_run[run.id]: run for run in found}, order, log),
        )
        missing = [of for of in sorts if of not in runs]
        if missing:
            st.info(f"The traces of {missing[0]} are not computed yet; **Compute** adds them.")
    # While a new run comes in, the block looked at is shown from the best that is done.
    best = {
        of: run if run.result else results.traces(study, session.granularity(), of)
        for of, run in runs.items()
    }
    done = {of: run for of, run in best.items() if run is not None and run.result and run.result["blocks"]}
    if done:
        block_view.show(study, done, log)
    if not any(run.live for run in runs.values()):  # whose picture is drawn anew every second or two
        picking.follow(_CHART, session.focus(), session.look_at)


def show_published(study: ProfileStudy) -> None:
    """The picture of a study that holds published figures only."""
    controls, picture = beside.columns("traces")
    with controls:
        _, order, log = _controls(choose_sort=False)
    dots = sensitivity.published_view(study.mean_traces, results.sizes(study.blocks()), order, study.blocks())
    label = "published, without an error"
    with picture:
        export.chart(
            sensitivity.figure(dots, log=log, order=order, label=label),
            key=_CHART,
            name="traces",
            alt=sensitivity.finding([Panel("weights", dots)]),
            table=lambda: pd.DataFrame(
                [{"block": d.name, "n": d.n, "mean_trace": d.mean_trace} for d in dots]
            ),
        )
        st.caption(f"Published figures: {plain(study.card.source)}. The publication gives no errors.")


def _controls(*, choose_sort: bool) -> tuple[Sequence[Of], Order, bool]:
    frame.granularity_control()
    shown = "weights"
    if choose_sort:
        words = (
            "*Activations* are what each layer reads; their trace says how much precision its input needs."
        )
        shown = (
            st.segmented_control(
                "Traces of",
                list(trace_form.SHOWN),
                required=True,
                key=address.choice("trace_of", "of", trace_form.SHOWN, "weights"),
                help=words,
            )
            or "weights"
        )
    order = (
        st.segmented_control(
            "Order",
            trace_form.ORDERS,
            required=True,
            key=address.choice("trace_order", "order", trace_form.ORDERS, "depth"),
        )
        or "depth"
    )
    scale = address.choice("trace_axis", "axis", ["log", "linear"], "log")
    axis = st.segmented_control("Axis", ["log", "linear"], required=True, key=scale)
    return trace_form.SHOWN[shown], order, axis == "log"


def _draw(runs: Mapping[Of, Run], order: Order, log: bool) -> None:
    """The results, or the estimates so far; before the first of them, those that were there already."""
    blocks = {of: results.trace_blocks(run) for of, run in runs.items()}
    awaited = [of for of, found in blocks.items() if not found]
    for of in awaited:
        earlier = results.traces(session.study(), session.granularity(), of)
        blocks[of] = [] if earlier is None else results.trace_blocks(earlier)
    blocks = {of: found for of, found in blocks.items() if found}
    if not blocks:
        st.caption("The first estimates appear here in a few seconds.")
        return
    if any(of in blocks for of in awaited):
        st.caption("These are the earlier estimates; the new ones take their place as they come.")
    # Both panels stand in the order of the weights, where there are any.
    first = next(iter(blocks.values()))
    names = order if order == "depth" else sensitivity.ranking(first)
    structure = session.blocks()
    shown = [
        Panel(of, sensitivity.view(found, names, of=of, structure=structure)) for of, found in blocks.items()
    ]
    with beside.drawn("traces"):
        export.chart(
            sensitivity.panels(shown, log=log, order=order),
            key=_CHART,
            name="traces" if len(shown) > 1 else f"traces-{shown[0].of}",
            alt=sensitivity.finding(shown),
            table=lambda: _table(blocks),
        )
        for of, run in runs.items():
            if run.result:
                start = f"**{of.capitalize()}.** " if len(runs) > 1 else ""
                st.caption(f"{start}{plain(run.result['note'])} It took {run.result['seconds']:.1f} s.")
        if any(run.result for run in runs.values()):
            with st.expander("The figures as a table", icon=":material/table:"):
                st.dataframe(_table(blocks), hide_index=True, column_config=tables.TRACE_COLUMNS)


def _table(blocks: Mapping[Of, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    if len(blocks) == 1:
        return tables.of_traces(next(iter(blocks.values())))
    return pd.concat([tables.of_traces(found).assign(of=of) for of, found in blocks.items()])
