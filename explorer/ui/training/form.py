"""The settings of a training and the button that starts it."""

import streamlit as st

from explorer.jobs import request
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.qat import METHODS, OPTIMIZERS
from explorer.questions import FinetuneQuestion
from explorer.questions.training import LEARNING_RATES, usual_epochs
from explorer.studies import Study
from explorer.ui.parts import run_panel
from explorer.ui.shell import caches, door
from explorer.ui.training import trainings

_SAID = "training_said"
_OPTIMIZER_NAMES = {"sgd": "SGD with momentum", "adamw": "AdamW"}


def show(study: Study, plan: Plan) -> None:
    """Draw the form; what came of pressing its button stands under it."""
    with st.form("finetune", border=True):
        usual = usual_epochs(plan.to_json())
        epochs = st.number_input(
            "Epochs",
            1,
            200,
            None,
            placeholder=f"{usual}, as usual for these widths",
            help=f"Passes over the {study.data.size('train'):,} {study.training_name}. Left empty: {usual}.",
        )
        starts = st.form_submit_button(
            "Start fine-tuning", type="primary", icon=":material/play_arrow:", width="stretch"
        )
        with st.expander("More settings"):
            names = list(METHODS)
            method = st.selectbox(
                "Method",
                names,
                names.index(FinetuneQuestion.default("method")),
                format_func=lambda name: METHODS[name].title.capitalize(),
            )
            optimizer = st.selectbox("Optimizer", list(OPTIMIZERS), format_func=_OPTIMIZER_NAMES.__getitem__)
            own = ", ".join(f"{rate:g} for {_OPTIMIZER_NAMES[name]}" for name, rate in LEARNING_RATES.items())
            rate = st.number_input(
                "Learning rate",
                0.0001,
                1.0,
                None,
                format="%.4f",
                step=0.001,
                placeholder="as usual",
                help=f"At the start; it decays to zero along a cosine. Left empty it is {own}.",
            )
            seed = st.number_input(
                "Seed", 0, 10_000, 0, help="Fixes the order of the images; same seed, same weights."
            )
        if starts:
            question = FinetuneQuestion(
                plan=plan.to_json(),
                seed=int(seed),
                method=method,
                epochs=None if epochs is None else int(epochs),
                optimizer=optimizer,
                learning_rate=rate,
            )
            _start(study, question)
            st.rerun()
    if words := st.session_state.pop(_SAID, None):
        st.info(words, icon=":material/info:")


def _start(study: Study, question: FinetuneQuestion) -> None:
    """Begin, or go on with, or show the training that was asked for."""
    spec = spec_of(study, question)
    there = caches.store().find(spec)
    if there is None or there.status == "unreadable":
        there = request(caches.store(), spec, parts=study.parts, owner=door.person().name)
    elif there.resumable:
        run_panel.resume(there.id)
        st.session_state[_SAID] = "It was begun before and stopped; it goes on from where it was."
    elif there.status == "done":
        st.session_state[_SAID] = (
            "This plan is trained with these settings already; that training is shown. Change a setting, "
            "such as the seed, for another one."
        )
    else:
        st.session_state[_SAID] = "This training is running already; it is shown."
    trainings.show(there.id)
