"""The form of a sweep: several plans, recipes and seeds, each a training of its own in the queue."""

from collections.abc import Sequence

import streamlit as st

from explorer.errors import ExplorerError
from explorer.jobs import permission, request, sweeps
from explorer.jobs.requests import spec_of
from explorer.jobs.telling import forecast
from explorer.plans import Plan
from explorer.qat.methods import METHODS
from explorer.questions import FinetuneQuestion
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import run_panel
from explorer.ui.shell import caches, door
from explorer.ui.shell.plain import capital, plain
from explorer.ui.training import plans_offered, words

SHOWN = "sweep_shown"
_TOLD = "sweep_told"


def show(study: Study, plan: Plan | None, usual: FinetuneQuestion, runs: Sequence[Run]) -> None:
    """Draw the form, closed; what is asked of every training beside plan, recipe and seed is ``usual``."""
    with st.expander("Sweep: several plans, methods, seeds", icon=":material/grid_on:"):
        plans = plans_offered.chosen(study, plan, runs)
        recipes = st.multiselect(
            "Methods",
            sweeps.recipes(),
            [usual.method],
            format_func=_called,
            placeholder="which",
            help="Each with the settings above. A recipe as published has its own.",
            key="sweep_recipes",
        )
        seeds = st.number_input(
            "Seeds", 1, 10, 3, help="Of each plan and method: how much is due to chance.", key="sweep_seeds"
        )
        try:
            asked = sweeps.questions(usual, plans, recipes, range(usual.seed, usual.seed + int(seeds)))
        except ExplorerError as error:
            st.caption(plain(capital(f"{error}.")))
            return
        expected = [forecast.seconds(each, runs) for each in asked.values()]
        times = [each for each in expected if each is not None]
        said = f"{len(asked)} trainings" if len(asked) > 1 else "1 training"
        if len(times) == len(asked):
            said += f", {words.about(sum(times))} if they run one after another"
        st.markdown(f"**{said}**")
        if st.button("Start the sweep", icon=":material/play_arrow:", width="stretch"):
            _start(study, list(asked.values()))
            st.rerun()


def told() -> None:
    """What came of starting a sweep, once."""
    if said := st.session_state.pop(_TOLD, None):
        st.info(said, icon=":material/info:")


def _called(recipe: str) -> str:
    return capital(METHODS[recipe].title) if recipe in METHODS else f"{recipe.upper()}, as published"


def _start(study: Study, asked: Sequence[FinetuneQuestion]) -> None:
    """Queue what was never begun, let go on what of one's own stopped, and show all of it as one group."""
    store = caches.store()
    specs = [spec_of(study, question) for question in asked]
    before = [store.find(spec) for spec in specs]
    for run in before:
        if run is not None and run.resumable and permission.may_change(run, door.person()):
            run_panel.resume(run.id)
    found = [
        request(store, spec, parts=study.parts, owner=door.person().name)
        if run is None or run.status == "unreadable"
        else run
        for spec, run in zip(specs, before, strict=True)
    ]
    st.session_state[SHOWN] = sweeps.gather(store, found)
    done = sum(run is not None and run.status == "done" for run in before)
    if done:
        st.session_state[_TOLD] = f"{done} of {len(found)} were trained before and are taken as they are."
