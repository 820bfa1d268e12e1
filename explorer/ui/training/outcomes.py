"""Finished trainings as rows: what was predicted, what was measured before and after."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from explorer.estimates import within_noise
from explorer.figures.look import bytes_text, percent_text
from explorer.figures.training.predicted import Measured
from explorer.figures.training.results import Outcome
from explorer.plans import Plan, read_plan
from explorer.qat.record import TrainingRecord
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.shell import caches, results, session, yardstick
from explorer.ui.training import desk, trainings

COLUMNS: Mapping[str, Any] = {
    "plan": st.column_config.BarChartColumn(
        "weight bits by block", y_min=0, y_max=8, help="From input to output; FP32 is cut at 8."
    ),
    "size": st.column_config.NumberColumn("size (kB)", format="%.1f"),
    "compression": st.column_config.NumberColumn("compression", format="%.2f×"),
    "omega": st.column_config.NumberColumn("predicted Ω", format="%.3g"),
    "fp32": st.column_config.NumberColumn("FP32 (%)", format="%.2f"),
    "before": st.column_config.NumberColumn("without (%)", format="%.2f"),
    "after": st.column_config.NumberColumn("after (%)", format="%.2f"),
    "gain": st.column_config.NumberColumn("gain (%)", format="%+.2f"),
    "error": st.column_config.NumberColumn("± s.e.", format="%.2f", help="Of the value after training."),
    "gain_error": st.column_config.NumberColumn(
        "± s.e. of gain",
        format="%.2f",
        help="At most: both values are of the same samples, and what each was worth before is not recorded, so "
        "their errors are added as if the samples were others.",
    ),
    "judged": st.column_config.TextColumn(
        "gain is",
        help="Within noise: less than two standard errors, so nothing can be said of it.",
    ),
    "loss": st.column_config.NumberColumn("test loss after", format="%.4f"),
    "seconds": st.column_config.NumberColumn("training (s)", format="%.0f"),
}


@dataclass(frozen=True, eq=False)
class Row:
    """One finished training."""

    run: Run
    record: TrainingRecord
    plan: Plan
    omega: tuple[float, float] | None  # with its standard error

    @property
    def name(self) -> str:
        """What tells this training from the others."""
        return trainings.label(self.run)


def rows(study: Study) -> list[Row]:
    """Finished trainings whose targets are classes, newest first."""
    reference = session.reference()
    partitions = (caches.blocks(reference, "layer"), caches.blocks(reference, "module"))
    judged = yardstick.current()
    table = None if judged.basis is None else judged.basis.table
    made = []
    for run in results.runs_of(study, "finetune"):
        if run.status != "done" or run.result is None:
            continue
        record = TrainingRecord.from_json(run.result)
        if record.after.accuracy is not None:
            trained = {**record.plan, "study": study.name}  # the same study by another name, it may be
            plan, _ = read_plan(trained, study=study, partitions=partitions)
            known = table is not None and set(table.values) == set(plan.blocks)
            made.append(Row(run, record, plan, judged.omega(plan) if known else None))
    return made


def pictured(found: Sequence[Row]) -> list[Outcome]:
    """For the figure."""
    outcomes = []
    for row in found:
        before, after = _measured(row)
        outcomes.append(Outcome(row.name, row.record.after.size_bytes, *before, *after))
    return outcomes


def finding(found: Sequence[Row]) -> str:
    """What the figure of the accuracies shows, in words."""
    best = max(found, key=lambda row: _measured(row)[1][0])
    after, error = _measured(best)[1]
    return (
        f"{session.study().metric.title} against size before and after training, {len(found)} runs; the best ends at "
        f"{percent_text(after, error)} with {bytes_text(best.record.after.size_bytes)}"
    )


def predicted(found: Sequence[Row]) -> list[Measured]:
    """For the figure of what was predicted; the errors of two losses are added as if the samples were others."""
    fp32 = results.full_precision(session.study())
    if fp32 is None:
        return []
    made = []
    for row in found:
        if row.omega is not None:
            rises = [
                (value.loss - fp32["loss"], math.hypot(value.loss_stderr, fp32["loss_stderr"]))
                for value in (row.record.before, row.record.after)
            ]
            made.append(Measured(row.name, *row.omega, *rises[0], *rises[1]))
    return made


def table(found: Sequence[Row]) -> pd.DataFrame:
    """For the table; accuracies in per cent."""
    reference = results.full_precision(session.study())
    lines = []
    for row in found:
        (before, error_before), (after, error) = _measured(row)
        lines.append(
            {
                "run": row.name,
                "plan": [min(bits, 8) for bits in row.plan.w_bits.values()],
                "epochs": trainings.epochs(row.run),
                "size": row.record.after.size_bytes / 1e3,
                "compression": row.record.after.compression,
                "omega": None if row.omega is None else row.omega[0],
                "fp32": reference["accuracy"] * 100 if reference else None,
                "before": before * 100,
                "after": after * 100,
                "error": error * 100,
                "gain": (after - before) * 100,
                "gain_error": math.hypot(error, error_before) * 100,
                "judged": _judged(after - before, math.hypot(error, error_before)),
                "loss": row.record.after.loss,
                "seconds": row.record.seconds,
            }
        )
    return pd.DataFrame(lines)


def _judged(gain: float, error: float) -> str:
    if within_noise(gain, error):
        return "within noise"
    return "higher" if gain > 0 else "lower"


def reference(study: Study) -> tuple[int, float] | None:
    """FP32 size in bytes and accuracy, if it was measured."""
    found = results.full_precision(study)
    return None if found is None or found["accuracy"] is None else (found["fp32_bytes"], found["accuracy"])


def pick(found: Sequence[Row]) -> None:
    """Choose the plan of a run again."""
    names = [row.name for row in found]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            "Plan of a training", range(len(found)), format_func=names.__getitem__, width=480
        )
        if st.button("Use this plan", icon=":material/back_hand:"):
            desk.use(found[chosen].run)


def _measured(row: Row) -> tuple[tuple[float, float], tuple[float, float]]:
    """Accuracy and its standard error without training and after it; every row has them."""
    before, after = row.record.before, row.record.after
    assert before.accuracy is not None
    assert before.accuracy_stderr is not None
    assert after.accuracy is not None
    assert after.accuracy_stderr is not None
    return (before.accuracy, before.accuracy_stderr), (after.accuracy, after.accuracy_stderr)
