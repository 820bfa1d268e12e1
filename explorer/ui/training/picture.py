"""One training: what it brought, what was kept and why, its curves, and the plan that is trained."""

import math
from collections.abc import Mapping, Sequence

import streamlit as st

from explorer.estimates import within_noise
from explorer.evaluation.split_value import Evaluation
from explorer.figures import training
from explorer.figures.look import percent_text
from explorer.figures.plans import plan as plan_figure
from explorer.qat.held_out import UNTRAINED
from explorer.qat.record import TrainingRecord
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import export, tables
from explorer.ui.shell import caches, results, session
from explorer.ui.training import trainings

_SERIES = ("train", "test", "speed")


def show(study: Study, run: Run) -> None:
    """Draw what there is of a training so far."""
    store = caches.store()
    reference = results.full_precision(study)
    loss = "loss (cross-entropy, nats)" if study.loss.unit == "nats" else f"loss ({study.loss.unit})"
    curves = {series: store.points(run.id, series) for series in _SERIES}
    epochs = trainings.epochs(run)
    kept = None
    if run.result is not None:
        record = TrainingRecord.from_json(run.result)
        _numbers(study, record)
        _kept(study, record)
        kept = training.Kept.of(record, epochs)
    made = training.figure(
        curves["train"],
        curves["test"],
        epochs=epochs,
        reference=None if reference is None else reference["accuracy"],
        kept=kept,
        loss=loss,
        metric=study.metric.name,
        noun=study.noun.many,
        height=320,
    )
    export.chart(
        made,
        key=f"curves_{run.id}",
        name=f"training-{run.id[:5]}",
        alt=_finding(study, run, epochs),
        table=lambda: tables.of_curves(curves),
    )
    if run.live:
        _under_way(study, curves)
    bars(trainings.bits(run))


def _under_way(study: Study, curves: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    said = "It goes on when you close this page. The first test point is the plan without training."
    if curves["speed"]:
        said += f" {curves['speed'][-1]['images_per_second']:,.0f} {study.noun.many} a second"
    if curves["train"] and (rate := curves["train"][-1].get("learning_rate")) is not None:
        said += f", learning rate {rate:.3g}"
    st.caption(said)


def _finding(study: Study, run: Run, epochs: int) -> str:
    """What the curves show, for who cannot see them."""
    said = f"Loss and {study.metric.name} over {epochs} epoch{'s' * (epochs != 1)}"
    if run.result is None:
        return said
    record = TrainingRecord.from_json(run.result)
    before, after = (percent_text(of.accuracy, of.accuracy_stderr) for of in (record.before, record.after))
    return f"{said}: {study.metric.name} from {before} to {after}"


def _numbers(study: Study, record: TrainingRecord) -> None:
    before, after = record.before, record.after
    with st.container(horizontal=True, gap="large", key="training_numbers"):
        st.metric("Without training", percent_text(before.accuracy, before.accuracy_stderr), width="content")
        words, colour = gain(before, after)
        st.metric(
            "After training",
            percent_text(after.accuracy, after.accuracy_stderr),
            words,
            delta_color="off" if colour is None else "normal",
            delta_arrow="off" if colour is None else "auto",
            width="content",
            help=f"Test {study.noun.many}; ± one standard error. A gain below two standard errors is called noise.",
        )
        st.metric("Training took", f"{record.seconds:.0f} s", width="content")


def _kept(study: Study, record: TrainingRecord) -> None:
    """Which network was kept, and by what."""
    if not record.candidates:
        return
    images = f"{record.held_out:,} {study.training_name} that were held out"
    if record.kept == UNTRAINED:
        st.info(
            f"Training did not help: by {images} the plan without training is best, and it was kept.",
            icon=":material/info:",
        )
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"Kept: **{record.kept}**, the best of {len(record.candidates)} by {images}.")
        with st.popover("All of them", type="tertiary"):
            st.dataframe(
                [
                    {
                        "network": each.name,
                        "loss": each.loss,
                        f"{study.metric.name} (%)": _percent(each.accuracy),
                    }
                    for each in record.candidates
                ],
                hide_index=True,
                alt=f"Loss and {study.metric.name} of every network that might have been kept, on {study.noun.many} held out",
            )


def _percent(share: float | None) -> float | None:
    return None if share is None else 100 * share


def gain(before: Evaluation, after: Evaluation) -> tuple[str | None, bool | None]:
    """What training brought in points, and whether it is for the better; None for that where it is within noise."""
    if before.accuracy is None or after.accuracy is None:
        return None, None
    points = (after.accuracy - before.accuracy) * 100
    error = math.hypot(before.accuracy_stderr or 0.0, after.accuracy_stderr or 0.0) * 100
    said = f"{points:+.2f} ± {error:.2f} points"
    if within_noise(points, error):
        return f"{said}, within noise", None
    return said, points > 0


def bars(bits: dict[str, tuple[int, int]]) -> None:
    """The plan that is trained."""
    sizes = {
        block.name: block.weights
        for granularity in caches.GRANULARITIES
        for block in caches.blocks(session.reference(), granularity)
    }
    found = plan_figure.view(bits, sizes)
    export.chart(
        plan_figure.figure(found, height=190),
        key="plan_to_train",
        name="plan",
        alt="Bits of every block of the plan that is trained",
        table=lambda: tables.of_plan(found),
    )
