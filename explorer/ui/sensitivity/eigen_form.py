"""What eigenvalues and spectra are asked for by: how many images, a button, and which run answers."""

from typing import Any

import streamlit as st

from explorer.jobs import requests
from explorer.runs import Run, RunSpec
from explorer.studies import Study
from explorer.ui.parts import beside
from explorer.ui.shell import caches, results
from explorer.ui.state import address

SAMPLES = (64, 256, 512, 2048)
DEFAULT_SAMPLES = 256


def samples(study: Study) -> int:
    """How many images the Hessian is a mean over."""
    images = study.training_name
    return int(
        st.selectbox(
            images.capitalize(),
            SAMPLES,
            format_func="{:,}".format,
            key=address.choice("eigen_samples", "samples", SAMPLES, DEFAULT_SAMPLES),
            help=f"The Hessian is that of the mean loss over so many {images}, drawn once. More are slower and closer to "
            f"all {study.data.size('train'):,}.",
        )
    )


def ask(study: Study, spec: RunSpec, title: str) -> Run | None:
    """The button; the run that answers the form best, where there is one."""
    beside.compute(
        {title: spec},
        there="This is computed or being computed; choose another number of samples for another estimate.",
        key=f"eigen_compute_{spec.kind}",
    )
    same = caches.store().find(spec)
    return same if same is not None else _nearest(study, spec)


def _nearest(study: Study, spec: RunSpec) -> Run | None:
    """A run of the same blocks that differs in its precision: one that is live, else the one with the most images."""

    def about(asked: RunSpec) -> tuple[Any, ...]:
        return asked.parameters.get("block"), asked.parameters.get("granularity", "layer")

    def rows(run: Run) -> int:
        return int(requests.question_of(run.spec).options()["samples"])

    known = [run for run in results.runs_of(study, spec.kind) if about(run.spec) == about(spec)]
    plain = [run for run in known if run.spec.parameters.get("which", "largest") == "largest"]
    live = [run for run in plain if run.live]
    done = sorted((run for run in plain if run.status == "done"), key=rows, reverse=True)
    return next(iter(live + done), None)
