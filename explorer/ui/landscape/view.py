"""The picture of the Landscape page, and what is said under it."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from explorer.figures import landscape as picture
from explorer.landscape import Slice
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.landscape import form as landscape_form
from explorer.ui.landscape import words as landscape_words
from explorer.ui.parts import beside, live_chart, run_panel
from explorer.ui.shell import caches
from explorer.ui.shell.plain import plain

_CHART = "landscape"
MARK_COLUMNS = {
    "norm": st.column_config.NumberColumn("|ΔW|", format="%.4f", help="How far the width moves the weights."),
    "share": st.column_config.NumberColumn(
        "in the slice", format="%.2g", help="The share of |ΔW|² that lies in the slice; 1 is all of it."
    ),
    "loss": st.column_config.NumberColumn("measured loss", format="%.5f"),
    "rise": st.column_config.NumberColumn("rise", format="%+.5f", help="Above the trained weights."),
    "error": st.column_config.NumberColumn("± s.e.", format="%.5f", help="Of the rise, paired over samples."),
    "predicted": st.column_config.NumberColumn(
        "quadratic's rise",
        format="%+.5f",
        help="g·ΔW + ½ ΔW·HΔW of the whole perturbation, not of its projection.",
    ),
}


def show(study: Study) -> None:
    """Controls, pictures, and the table of bit widths."""
    controls, picture_side = beside.columns("landscape")
    with controls:
        asked = landscape_form.ask(study)
    with picture_side:
        if asked is None:
            st.info("Choose at least one block, at the left.", icon=":material/info:")
            return
        runs = landscape_form.answers(study, asked)
        if not runs:
            each = asked.points**asked.dims
            st.info(
                f"Not measured yet. **Compute** measures the loss at {each:,} points for each block, coarse to fine: about a "
                "minute for a line, some minutes for a plane, and it keeps running if you leave this page.",
                icon=":material/play_circle:",
            )
            return
        unit = study.loss.unit
        with beside.watched("landscape"):
            run_panel.watch_all(
                [run.id for run in runs.values()],
                lambda found: _draw(found, asked.log, asked.relief, unit),
            )
            if missing := [name for name in asked.specs if name not in runs]:
                st.info(
                    f"{plain(', '.join(missing))}: not measured yet; press **Compute**.",
                    icon=":material/play_circle:",
                )


def _draw(runs: Sequence[Run], log: bool, relief: bool, unit: str) -> None:
    slices = [found for run in runs if (found := _slice(run)) is not None]
    if not slices:
        st.caption("The first points appear once the directions are known, which takes some seconds.")
        return
    view = picture.view(slices, log=log, unit=unit)
    # A surface is seen from the same side on either scale; a range of a flat picture belongs to its scale.
    revision = " ".join([*(run.id for run in runs), "relief" if relief else str(log)])
    made = picture.figure(view, relief=relief, revision=revision)
    with beside.drawn("landscape"):
        live_chart.draw(
            made,
            key=_CHART,
            name=f"landscape-{slices[0].directions}",
            alt=landscape_words.finding(slices),
            table=lambda: _points(slices),
        )
        st.caption(" ".join(landscape_words.sentences(slices, view, relief=relief)))
        if any(each.marks for each in slices):
            with st.expander("Where the bit widths land", icon=":material/table:", expanded=len(slices) < 3):
                st.dataframe(_marks(slices), hide_index=True, column_config=MARK_COLUMNS)


def _slice(run: Run) -> Slice | None:
    """The result, or what there is of it so far."""
    if run.result is not None:
        return Slice.from_json(run.result)
    store = caches.store()
    frames = store.points(run.id, "slice")
    if not frames:
        return None
    found = Slice.from_json(frames[-1])
    for points in store.points(run.id, "points"):
        found = found.with_points(points)
    return found


def _marks(slices: Sequence[Slice]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "block": each.block or landscape_form.ALL,
                "bits": mark.bits,
                "norm": mark.norm,
                "share": mark.share,
                "loss": mark.loss,
                "rise": mark.loss - each.centre_loss,
                "error": mark.stderr,
                "predicted": mark.predicted - each.centre_loss,
            }
            for each in slices
            for mark in each.marks
        ]
    )


def _points(slices: Sequence[Slice]) -> pd.DataFrame:
    rows = []
    for each in slices:
        for at, measured in zip(*_flat(each), strict=True):
            place = {f"step_{k + 1}": each.coordinates[i] for k, i in enumerate(at)}
            values = {"loss": each.loss[at], "stderr": each.stderr[at], "predicted": each.predicted[at]}
            if measured:
                rows.append({"block": each.block or landscape_form.ALL, **place, **values})
    return pd.DataFrame(rows)


def _flat(each: Slice) -> tuple[list[tuple[int, ...]], list[bool]]:
    side = range(each.points)
    places: list[tuple[int, ...]] = (
        [(i,) for i in side] if each.dims == 1 else [(i, j) for i in side for j in side]
    )
    return places, [bool(each.measured[at]) for at in places]
