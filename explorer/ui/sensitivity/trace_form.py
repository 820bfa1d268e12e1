"""Asking for traces: a small form, and which runs answer it."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from explorer.figures.curvature.sensitivity import Of, Order
from explorer.jobs.requests import spec_of
from explorer.questions import TracesQuestion
from explorer.runs import Run, RunSpec
from explorer.studies import Study
from explorer.ui.parts import beside, run_panel
from explorer.ui.shell import results, session, yardstick
from explorer.ui.state import address

PRECISIONS = {0.2: "20 %, quick", 0.1: "10 %", 0.05: "5 %", 0.02: "2 %, slow", 0.01: "1 %, slow"}
ORDERS: list[Order] = ["depth", "rank"]
SHOWN: Mapping[str, tuple[Of, ...]] = {
    "weights": ("weights",),
    "activations": ("activations",),
    "both": ("weights", "activations"),
}
METHODS: Mapping[str, str] = {
    "auto": "picks the cheapest that is right for this network and loss, and says what it did",
    "exact": "no sampling noise: every sample and every output direction, or a refusal where that is out of reach",
    "output-probes": "random signs at the outputs, samples drawn by importance, one backward pass for all blocks",
    "hutchinson": "Hessian-vector products on random batches, as the papers do; much more work for the same error",
}
DEFAULT_PRECISION = 0.05


def ask(study: Study, sorts: Sequence[Of]) -> dict[Of, Run]:
    """Show the form; for each sort of traces the run that answers it best, where there is one."""
    precision = st.selectbox(
        "Target standard error",
        list(PRECISIONS),
        format_func=PRECISIONS.__getitem__,
        key=address.choice("trace_precision", "error", PRECISIONS, DEFAULT_PRECISION),
        help="Sampling stops when every block's standard error is below this share of its trace. Asking for a "
        "smaller one continues from the samples that are there.",
    )
    with st.popover("Method", icon=":material/function:", key="trace_method_choice", width="stretch"):
        method = st.radio(
            "How the traces are computed",
            list(METHODS),
            key=address.choice("trace_method", "method", METHODS, "auto"),
            captions=list(METHODS.values()),
        )
    asked = {of: _spec(study, of, precision, method) for of in sorts}
    _start(study, asked)
    found = {of: _answer(study, spec, of) for of, spec in asked.items()}
    return {of: run for of, run in found.items() if run is not None}


def _start(study: Study, asked: Mapping[Of, RunSpec]) -> None:
    words = {"weights": "Traces", "activations": "Activation traces"}
    titled = {f"{words[of]} of {study.name}": spec for of, spec in asked.items()}
    missing = run_panel.missing(titled)
    sort = (
        "activation traces"
        if missing and not any(title.startswith("Traces") for title in missing)
        else "traces"
    )
    beside.compute(
        titled,
        label=f"Compute {sort}",
        there="These traces are computed or being computed; choose another error or method for others.",
        key="trace_compute",
        besides=yardstick.beside_traces() if "weights" in asked else (),
    )


def _spec(study: Study, of: Of, precision: float, method: str) -> RunSpec:
    options: dict[str, Any] = {"of": of, "granularity": session.granularity(), "method": method}
    if method != "exact":  # which knows no error, so that one run answers every wish
        options["rel_se"] = precision
    return spec_of(study, TracesQuestion(**options))


def _answer(study: Study, spec: RunSpec, of: Of) -> Run | None:
    """What was asked for if it was ever begun, else what is being computed, else the best there is."""
    known = [run for run in results.runs_of(study, "traces") if results.is_of(run, session.granularity(), of)]
    live = [run for run in known if run.live]
    same = [run for run in known if run.spec.asks_the_same(spec)]
    return next(iter(same + live), None) or results.traces(study, session.granularity(), of)
