"""The Fine-tune page: settings at the left, and beside them the training of the current plan, or another one by name."""

import math

import streamlit as st

from explorer.estimates import within_noise
from explorer.evaluation.split_value import Evaluation
from explorer.figures import training
from explorer.figures.look import percent_text
from explorer.figures.plans import plan as plan_figure
from explorer.plans import Plan, read_plan
from explorer.qat.record import TrainingRecord
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import export, run_panel, tables
from explorer.ui.shell import caches, results, session
from explorer.ui.shell.plain import plain
from explorer.ui.training import form, trainings

_COLUMNS = (1, 3)


def show(study: Study, plan: Plan | None) -> None:
    """Draw everything but the title."""
    runs = results.runs_of(study, "finetune")
    run = trainings.shown(runs, plan)
    left, right = st.columns(_COLUMNS, gap="medium")
    with left:
        if plan is not None:
            form.show(study, plan)
        else:
            st.info("No current plan. Click a point on the frontier first.", icon=":material/info:")
            st.page_link("pages/frontier.py", label="Choose a plan", icon=":material/show_chart:")
        if runs:
            trainings.pick(runs, run)
    with right:
        if run is not None:
            _headed(run, plan)
            run_panel.watch(run.id, lambda now: _draw(study, now))
        elif plan is not None:
            st.header("The current plan is not trained yet")
            st.write("**Start fine-tuning** trains it; the training goes on when you close this page.")
            _bars({name: (each.w_bits, each.a_bits) for name, each in plan.blocks.items()})


def _headed(run: Run, plan: Plan | None) -> None:
    """Whose training it is, before any number of it."""
    own = plan is not None and trainings.is_of(run, plan)
    with st.container(horizontal=True, vertical_alignment="center"):
        whose = "the current plan" if own else "another plan" if plan is not None else "a plan"
        st.header(plain(f"Training of {whose}: {trainings.label(run)}"))
        if not own and st.button("Use this plan", icon=":material/back_hand:", key=f"use-{run.id}"):
            use(run)


def use(run: Run) -> None:
    """Make the plan of a training the current one."""
    reference, study = session.reference(), session.study()
    content = {**trainings.content(run), "study": study.name}  # the same study by another name, it may be
    partitions = tuple(caches.blocks(reference, granularity) for granularity in caches.GRANULARITIES)
    taken, _ = read_plan(content, study=study, partitions=partitions)
    layers = {block.name for block in partitions[0]}
    session.choose_granularity("layer" if set(taken.blocks) == layers else "module")
    session.take(taken)
    st.rerun()


def _draw(study: Study, run: Run) -> None:
    store = caches.store()
    reference = results.full_precision(study)
    loss = "loss (cross-entropy, nats)" if study.loss.kind == "cross_entropy" else f"loss ({study.loss.kind})"
    epochs = trainings.epochs(run)
    curves = {series: store.points(run.id, series) for series in ("train", "test", "method")}
    if run.result is not None:
        _numbers(TrainingRecord.from_json(run.result))
    made = training.figure(
        curves["train"],
        curves["test"],
        epochs=epochs,
        reference=None if reference is None else reference["accuracy"],
        loss=loss,
        height=320,
    )
    export.chart(
        made,
        key=f"curves_{run.id}",
        name=f"training-{run.id[:5]}",
        alt=_finding(run, epochs),
        table=lambda: tables.of_curves(curves),
    )
    if run.live:
        st.caption("It goes on when you close this page. The first test point is the plan without training.")
    _bars(trainings.bits(run))
    if curves["method"]:
        export.chart(
            training.of_method(curves["method"], epochs=epochs),
            key=f"method_{run.id}",
            name=f"training-{run.id[:5]}-method",
            alt="What the method tells of itself over the epochs",
            table=lambda: tables.of_curves({"method": curves["method"]}),
        )


def _finding(run: Run, epochs: int) -> str:
    """What the curves show, for who cannot see them."""
    said = f"Loss and accuracy over {epochs} epoch{'s' * (epochs != 1)}"
    if run.result is None:
        return said
    record = TrainingRecord.from_json(run.result)
    before, after = (percent_text(of.accuracy, of.accuracy_stderr) for of in (record.before, record.after))
    return f"{said}: accuracy from {before} to {after}"


def _numbers(record: TrainingRecord) -> None:
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
            help="Test images; ± one standard error. A gain below two standard errors is called noise.",
        )
        st.metric("Training took", f"{record.seconds:.0f} s", width="content")
    if record.held_out:
        chosen = (
            f"the best of {len(record.candidates)} by {record.held_out:,} training samples that were held out"
        )
        st.caption(f"Kept: {record.kept}, {chosen}.")


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


def _bars(bits: dict[str, tuple[int, int]]) -> None:
    """The plan that is trained."""
    sizes = {
        block.name: block.weights
        for granularity in caches.GRANULARITIES
        for block in caches.blocks(session.reference(), granularity)
    }
    bars = plan_figure.view(bits, sizes)
    export.chart(
        plan_figure.figure(bars, height=190),
        key="plan_to_train",
        name="plan",
        alt="Bits of every block of the plan that is trained",
        table=lambda: tables.of_plan(bars),
    )
