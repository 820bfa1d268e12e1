"""A long experiment on a page: its size, the run's progress, and its outcome."""

import streamlit as st

from explorer.course import finding
from explorer.course.parts import Long
from explorer.jobs import registry
from explorer.jobs.requests import spec_of
from explorer.runs import Run
from explorer.ui.course import experiment, moving
from explorer.ui.parts import beside, run_panel
from explorer.ui.shell import caches


def show(number: int, key: str) -> None:
    """Draw it. Not by itself: a run that is asked for changes the list at the side, too."""
    long = finding.lesson(number).long(key)
    with st.container(key=f"long_{number}_{key}", border=True):
        st.subheader(long.title, anchor=f"experiment-{key}")
        st.markdown(long.words)
        column, picture = beside.columns(f"lesson{number}_{key}")
        with column:
            study = caches.study(long.study)
            spec = spec_of(study, long.question(**moving.draw(number, long.controls)))
            run_panel.compute(
                {long.title: spec},
                there="It is computed, or on its way.",
                key=f"lesson{number}_{key}_begin",
                parts=study.parts,
            )
        with picture:
            run = caches.store().find(spec)
            if run is None:
                st.info(
                    f"Not computed yet. **Compute** takes about {long.takes} with the settings that are given, and keeps "
                    "running if you leave this page.",
                    icon=":material/play_circle:",
                )
                return
            run_panel.watch(run.id, lambda found: _draw(long, found, f"lesson{number}_{key}"))


def _draw(long: Long, run: Run, key: str) -> None:
    if run.status == "done" and run.result is not None:
        experiment.outcome(experiment.dressed(long.draw(registry.result(run.spec.kind, run.result))), key)
