"""How fast exported files run on this computer: the run that measures, and all that were measured in one picture."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from explorer.export.latency import BATCHES, FLOAT
from explorer.export.record import ExportRecord, LatencyRecord
from explorer.figures.export import speed as figures
from explorer.figures.export.speed import Timed
from explorer.jobs import registry
from explorer.jobs.requests import spec_of
from explorer.jobs.telling import titles as run_titles
from explorer.questions import ExportLatencyQuestion, ExportQuestion
from explorer.questions.telling import titles
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.export import words
from explorer.ui.parts import export, run_panel
from explorer.ui.shell import results
from explorer.ui.state import address


def show(study: Study, asked: ExportQuestion) -> None:
    """The measurement of this file, and the picture of all."""
    st.header("How fast it runs here")
    if asked.format == "onnx":
        spec = spec_of(study, ExportLatencyQuestion(export=asked))
        run = results.runs(study).find(spec)
        if run is None:
            st.caption(
                "Times the file beside the FP32 network in ONNX Runtime and PyTorch, in fresh processes by turns; about "
                "two minutes in which the computer should do nothing else."
            )
            if st.button("Measure latency", icon=":material/timer:", key="measure_latency"):
                run_panel.begin([spec])
        else:
            run_panel.watch(run.id, _told)
    else:
        st.caption("Files of this format do not run in ONNX Runtime; choose ONNX to measure how fast it is.")
    batch = (
        st.segmented_control(
            "At once",
            BATCHES,
            required=True,
            format_func=lambda each: f"{each} at once" if each > 1 else "one at a time",
            key=address.choice("export_batch", "batch", BATCHES, BATCHES[0]),
            persist_state="session",
            label_visibility="collapsed",
        )
        or BATCHES[0]
    )
    points = timed(study, batch)
    if points:
        export.chart(
            figures.figure(points, batch=batch, noun=study.noun.many, metric=study.metric.name),
            key="export_speed",
            name="exported",
            alt=_finding(study, points, batch),
            table=lambda: pd.DataFrame(points),
        )
    st.caption(words.NOT_FASTER)


def timed(study: Study, batch: int) -> list[Timed]:
    """Every export of the study that was timed, and FP32 as it was timed beside the newest."""
    made: list[Timed] = []
    plain: Timed | None = None
    full = results.full_precision(study)
    for run in results.runs_of(study, ExportLatencyQuestion.kind):
        question = run_titles.question_of(run.spec)
        if run.result is None or not isinstance(question, ExportLatencyQuestion):
            continue
        written = results.runs(study).find(spec_of(study, question.export))
        if written is None or written.result is None:
            continue
        latency: LatencyRecord = registry.result(run.spec.kind, run.result)
        record: ExportRecord = registry.result(written.spec.kind, written.result)
        own, base = latency.of(batch), latency.of(batch, FLOAT)
        value = record.value
        if value.accuracy is None:
            continue
        made.append(
            Timed(
                " · ".join(titles.settings(question.export)),
                value.accuracy,
                value.accuracy_stderr or 0.0,
                own.milliseconds,
                min(own.milliseconds, base.milliseconds / own.highest),
                max(own.milliseconds, base.milliseconds / own.lowest),
                record.manifest["weight_bytes"],
            )
        )
        if plain is None and full is not None and full["accuracy"] is not None:
            error = full["accuracy_stderr"] or 0.0
            at = base.milliseconds
            plain = Timed(FLOAT, full["accuracy"], error, at, at, at, full["fp32_bytes"], plain=True)
    return made if plain is None else [*made, plain]


def _told(run: Run) -> None:
    if run.result is None:
        return
    record: LatencyRecord = registry.result(run.spec.kind, run.result)
    st.dataframe(
        [
            {
                "network": each.what,
                "at once": each.batch,
                "ms": each.milliseconds,
                "times as fast as FP32": each.ratio,
                "least": each.lowest,
                "greatest": each.highest,
            }
            for each in record.latencies
        ],
        hide_index=True,
        column_config={
            "ms": st.column_config.NumberColumn(format="%.3f"),
            **{
                name: st.column_config.NumberColumn(format="%.2f")
                for name in ("times as fast as FP32", "least", "greatest")
            },
        },
        alt="Milliseconds of every network and batch size, and ratios to FP32 in ONNX Runtime",
    )
    st.caption(
        f"{record.processor}, {record.threads} thread{'s' * (record.threads != 1)}; medians over the rounds, ratios "
        "within a round to FP32 in ONNX Runtime."
    )


def _finding(study: Study, points: Sequence[Timed], batch: int) -> str:
    fastest = min(points, key=lambda each: each.milliseconds)
    return (
        f"{study.metric.title} against latency at batch {batch} and against size, {len(points)} networks; the fastest is "
        f"{fastest.name} with {fastest.milliseconds:.3g} ms"
    )
