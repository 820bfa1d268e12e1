"""The form and the live curves of a training."""

import streamlit as st

from explorer.figures import training
from explorer.figures.look import percent_text
from explorer.jobs import request
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.qat import METHODS, OPTIMIZERS
from explorer.qat.record import TrainingRecord
from explorer.questions import FinetuneQuestion
from explorer.questions.training import LEARNING_RATES
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import export, run_panel, tables
from explorer.ui.shell import caches, door, results

_SHOWN = "training_shown"
_OPTIMIZER_NAMES = {"sgd": "SGD with momentum", "adamw": "AdamW"}


def show(study: Study, plan: Plan | None) -> None:
    """Settings and start button when there is a plan; below, the training that was started or picked."""
    if plan is not None:
        _form(study, plan)
    runs = results.runs_of(study, "finetune")
    if not runs:
        return
    ids = [run.id for run in runs]
    shown = st.session_state.get(_SHOWN)
    names = {run.id: _name(run) for run in runs}
    if len(ids) > 1:
        shown = st.selectbox(
            "Training",
            ids,
            index=ids.index(shown) if shown in ids else 0,
            format_func=names.__getitem__,
            key=f"training_pick_{len(ids)}_{ids[0]}",
        )
    loss = "loss (cross-entropy, nats)" if study.loss.kind == "cross_entropy" else f"loss ({study.loss.kind})"
    run_panel.watch(shown if shown in ids else ids[0], lambda run: _draw(study, run, loss))


def _form(study: Study, plan: Plan) -> None:
    with st.form("finetune", border=True):
        columns = st.columns([2, 1, 1.7], vertical_alignment="bottom")
        method = columns[0].selectbox(
            "Method", list(METHODS), format_func=lambda name: METHODS[name].title.capitalize()
        )
        epochs = columns[1].number_input(
            "Epochs",
            1,
            200,
            1,
            help=f"Passes over the {study.data.size('train'):,} {study.training_name}.",
        )
        starts = columns[2].form_submit_button(
            "Start fine-tuning", type="primary", icon=":material/play_arrow:", width="stretch"
        )
        settings = st.columns(3)
        optimizer = settings[0].selectbox(
            "Optimizer", list(OPTIMIZERS), format_func=_OPTIMIZER_NAMES.__getitem__
        )
        own = ", ".join(f"{rate:g} for {_OPTIMIZER_NAMES[name]}" for name, rate in LEARNING_RATES.items())
        rate = settings[1].number_input(
            "Learning rate",
            0.0001,
            1.0,
            None,
            format="%.4f",
            step=0.001,
            placeholder="as usual",
            help=f"At the start; it decays to zero along a cosine. Left empty it is {own}.",
        )
        seed = settings[2].number_input(
            "Seed", 0, 10_000, 0, help="Fixes the order of the images; same seed, same weights."
        )
        if starts:
            question = FinetuneQuestion(
                plan=plan.to_json(),
                seed=int(seed),
                method=method,
                epochs=int(epochs),
                optimizer=optimizer,
                learning_rate=rate,
            )
            spec = spec_of(study, question)
            title = f"Fine-tuning {plan.name or study.name}"
            run = request(caches.store(), spec, title=title, parts=study.parts, owner=door.person().name)
            st.session_state[_SHOWN] = run.id
            st.rerun()


def _draw(study: Study, run: Run, loss: str) -> None:
    store = caches.store()
    reference = results.full_precision(study)
    epochs = int(str(run.spec.parameters.get("epochs", 1)))
    curves = {series: store.points(run.id, series) for series in ("train", "test", "method")}
    made = training.figure(
        curves["train"],
        curves["test"],
        epochs=epochs,
        reference=None if reference is None else reference["accuracy"],
        loss=loss,
    )
    export.chart(
        made,
        key=f"curves_{run.id}",
        name=f"training-{run.id[:5]}",
        alt="Loss and accuracy over the epochs",
        table=lambda: tables.of_curves(curves),
    )
    if curves["method"]:
        export.chart(
            training.of_method(curves["method"], epochs=epochs),
            key=f"method_{run.id}",
            name=f"training-{run.id[:5]}-method",
            alt="What the method tells of itself over the epochs",
            table=lambda: tables.of_curves({"method": curves["method"]}),
        )
    if run.result is None:
        st.caption("It goes on when you close this page. The first test point is the plan without training.")
        return
    record = TrainingRecord.from_json(run.result)
    before, after = record.before, record.after
    with st.container(horizontal=True, gap="large"):
        untrained = percent_text(before.accuracy, before.accuracy_stderr)
        st.metric("Without training", untrained, width="content")
        gain = None
        if after.accuracy is not None and before.accuracy is not None:
            gain = f"{(after.accuracy - before.accuracy) * 100:+.2f} points"
        st.metric(
            "After training", percent_text(after.accuracy, after.accuracy_stderr), gain, width="content"
        )
        st.metric("Training took", f"{record.seconds:.0f} s", width="content")


def _name(run: Run) -> str:
    epochs = run.spec.parameters.get("epochs", 1)
    return f"{run.created.astimezone():%d %b %H:%M} · {run.title} · {epochs} epochs · {run.status}"
