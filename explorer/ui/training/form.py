"""Press Start: what will be trained in one line, the button that starts it, and every setting behind it."""

import streamlit as st

from explorer.errors import ExplorerError
from explorer.jobs import request
from explorer.jobs.requests import spec_of
from explorer.jobs.telling import forecast
from explorer.plans import Plan
from explorer.qat import optimizers
from explorer.qat.distillation import under
from explorer.qat.optimizers import SPOILS
from explorer.questions import FinetuneQuestion
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import run_panel
from explorer.ui.shell import caches, door
from explorer.ui.shell.plain import plain
from explorer.ui.training import settings, sweeping, trainings, words

_SAID = "training_said"
_ADAMW = "By AdamW, as usual for a network with layer norms and no batch norm."


def show(study: Study, plan: Plan, done: list[Run]) -> FinetuneQuestion | None:
    """Draw the line, the button and the settings; what came of pressing the button stands under it.

    What is asked is given back, None where a setting is out of range.

    Args:
        done: trainings of the study, from which the time is forecast.
    """
    with st.container(border=True):
        place = st.container()
        try:
            question, seeds = settings.chosen(study, plan.to_json())
        except ExplorerError as error:
            place.error(plain(str(error)))
            return None
        with place:
            _line(under(study.loss, question), seeds, done)
            if _usual(study.fingerprint, study) == "adamw" and question.optimizer != "adamw":
                st.caption(f":material/info: {_ADAMW if question.optimizer == 'usual' else SPOILS}")
            if st.button("Start fine-tuning", type="primary", icon=":material/play_arrow:", width="stretch"):
                for seed in reversed(range(question.seed, question.seed + seeds)):
                    _start(study, question.but(seed=seed))
                st.session_state.pop(sweeping.SHOWN, None)
                st.rerun()
    if said := st.session_state.pop(_SAID, None):
        st.info(said, icon=":material/info:")
    return question


def _line(question: FinetuneQuestion, seeds: int, done: list[Run]) -> None:
    """What is said of the training as the study's loss lets it be done."""
    expected = forecast.seconds(question, done)
    said = words.recipe(question)
    if seeds > 1:
        said += f", {seeds} seeds"
    if expected is not None:
        said += f", {words.about(expected * seeds)}"
    st.markdown(f"**{plain(said)}**")
    if expected is None:
        st.caption("How long it takes is said once it runs: nothing was trained here yet.")


@st.cache_data(show_spinner=False, max_entries=64)
def _usual(fingerprint: str, _study: Study) -> str:
    return optimizers.usual(_study.model())


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
