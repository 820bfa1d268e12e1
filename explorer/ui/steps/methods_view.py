"""Methods of calibration in one table: min-max, MMSE, ACIQ, KL divergence, OCS, DUAL and the phases of LAPQ."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from explorer.figures.steps import methods as step_methods
from explorer.jobs.requests import spec_of
from explorer.lapq import plan_of
from explorer.questions import LapqTableQuestion
from explorer.runs import Run, RunSpec
from explorer.studies import Study
from explorer.ui.parts import live_chart, run_panel
from explorer.ui.shell import caches
from explorer.ui.steps import form as steps_form
from explorer.ui.steps import hand as steps_hand
from explorer.ui.steps import tensor as steps_tensor
from explorer.ui.steps.form import Asked

COLUMNS: Mapping[str, Any] = {
    "calibration": st.column_config.NumberColumn("calibration loss", format="%.4f"),
    "loss": st.column_config.NumberColumn("test loss", format="%.4f"),
    "loss_error": st.column_config.NumberColumn("± s.e.", format="%.4f"),
    "error": st.column_config.NumberColumn("± s.e. ", format="%.2f"),
    "extra": st.column_config.NumberColumn(
        "extra weights (%)",
        format="%.1f",
        help="Additional stored weights, as a share of the quantized ones: OCS splits channels, DUAL writes a weight as the "
        "sum of two.",
    ),
    "work": st.column_config.NumberColumn(
        "work", format="%.0f", help="Full forward passes over all calibration samples."
    ),
}


def show(study: Study) -> None:
    """Controls, the picture and the table as their rows come."""
    asked, controls, picture = steps_form.columns(study, with_bias=False)
    if asked is None:
        return
    question = LapqTableQuestion(calibration=asked.calibration, method=asked.method, **asked.widths)
    spec = spec_of(study, question)
    with controls:
        run_panel.compute(
            {f"Methods at {asked.name}": spec},
            there="Already computed or running; choose other bits.",
            key="steps_table_compute",
        )
        steps_form.terms(study)
    with picture:
        _show(study, asked, spec)


def _show(study: Study, asked: Asked, spec: RunSpec) -> None:
    if asked.form != "integer":
        st.caption(
            "Methods are always compared on the grid with a zero; the quantizer under More options does not apply."
        )
    run = caches.store().find(spec)
    if run is None:
        st.info(
            "Methods are not compared at these bits yet. Press **Compute**: every method of choosing steps, with and without "
            f"bias correction of the weights, measured on the same test {study.noun.many}. This takes a few minutes and keeps running "
            "if you leave this page.",
            icon=":material/play_circle:",
        )
        return
    run_panel.watch(run.id, lambda run: _draw(study, asked, run))


def _draw(study: Study, asked: Asked, run: Run) -> None:
    steps_form.progress_row(run)
    rows = caches.store().points(run.id, "rows") if run.result is None else run.result["rows"]
    if all(row["method"] == "fp32" for row in rows):
        st.caption("Methods appear here as they are measured, a few seconds each.")
        return
    view = step_methods.view(
        rows, unit=steps_form.unit(study), metric=study.metric.name, noun=study.noun.many
    )
    table = _table(rows)
    live_chart.draw(
        step_methods.figure(view, revision=run.id),
        key="steps_methods",
        name=f"step-methods-{asked.name}",
        alt=f"Every method's {study.metric.name} on the test {study.noun.many}",
        table=lambda: table,
    )
    st.caption(_words(rows, view, study.noun.many))
    counted = st.column_config.NumberColumn(f"test {study.metric.name} (%)", format="%.2f")
    st.dataframe(table, hide_index=True, column_config={**COLUMNS, "accuracy": counted})
    # FP32 has no steps, and those of OCS and DUAL are not all there is to them.
    found = [row for row in rows if row["steps"]]
    if run.result is not None and found:
        _take(study, asked, found)


def _take(study: Study, asked: Asked, found: Sequence[Mapping[str, Any]]) -> None:
    held = steps_tensor.trial(replace(asked, form="integer"))
    if held is None:
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Steps of",
            range(len(found)),
            index=len(found) - 1,
            format_func=lambda i: _name(found[i]),
            width=330,
            key="steps_method_taken",
        )
        row = found[chosen]
        steps_hand.button(
            lambda blocks: plan_of(
                held.sites,
                row["steps"],
                study,
                blocks,
                row["bias_correction"],
                name=f"{step_methods.NAMES[row['method']].split(',')[0]} {asked.name}",
                widths=held.widths,
            ),
            form="integer",
            key="steps_method_take",
        )


def _words(rows: Sequence[Mapping[str, Any]], view: step_methods.View, many: str) -> str:
    text = (
        f"Error bars are standard errors over the test {many}. Methods are measured on the same {many}, so differences are "
        "more certain than the bars suggest. MMSE is the same as the first phase of LAPQ. "
    )
    if view.floor is not None:
        text += "A triangle at the left edge marks a method outside the plotted range. "
    joint = next((row for row in rows if row["method"] == "joint"), None)
    against = None if joint is None else joint["over"].get("mmse")
    if against is not None and against["accuracy"] is not None:
        text += (
            f"Joint phase compared with MMSE: {against['accuracy'] * 100:+.2f} ± "
            f"{against['accuracy_stderr'] * 100:.2f} points, paired over the {many}. "
        )
    return text


def _table(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    def share(value: float | None) -> float | None:
        return None if value is None else value * 100

    return pd.DataFrame(
        [
            {
                "method": step_methods.NAMES[row["method"]],
                "bias correction": row["bias_correction"],
                "calibration": row["calibration_loss"],
                "loss": row["test_loss"],
                "loss_error": row["test_loss_stderr"],
                "accuracy": share(row["test_accuracy"]),
                "error": share(row["test_accuracy_stderr"]),
                "extra": row.get("extra_weights", 0.0) * 100,
                "work": row["forward_equivalents"],
            }
            for row in rows
        ]
    )


def _name(row: Mapping[str, Any]) -> str:
    correction = steps_form.CORRECTIONS[row["bias_correction"]]
    return f"{step_methods.NAMES[row['method']]}, bias correction {correction}"
