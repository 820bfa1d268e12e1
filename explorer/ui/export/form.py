"""What is exported and how: the question that the controls at the left make."""

from collections.abc import Mapping, Sequence

import streamlit as st

from explorer.plans import Plan
from explorer.questions import ExportQuestion
from explorer.runs import Run
from explorer.ui.export import words
from explorer.ui.state import address
from explorer.ui.training import trainings

_PLAN = ""


def asked(plan: Plan | None, done: Sequence[Run]) -> ExportQuestion:
    """Draw the controls; one of plan and trainings must be there.

    Args:
        done: finished trainings of the study, newest first.
    """
    of = _network(plan, done)
    format = _format()
    flavour, carrier = "integer", "int8"
    if format in ("onnx", "qonnx"):
        flavour = _chosen("Flavour", "export_flavour", "flavour", words.FLAVOURS)
    if format == "onnx":
        carrier = _chosen("Weights", "export_carrier", "carrier", words.CARRIERS)
    network = {"run": of} if of else {"plan": plan.to_json() if plan is not None else None}
    return ExportQuestion(**network, format=format, flavour=flavour, carrier=carrier)


def _network(plan: Plan | None, done: Sequence[Run]) -> str:
    """The id of a training, or nothing for the plan without one."""
    names = {} if plan is None else {_PLAN: "Current plan, without training"}
    names |= {run.id: f"Trained: {trainings.label(run)}" for run in done}
    ids = list(names)
    own = next((run.id for run in done if plan is not None and trainings.is_of(run, plan)), None)
    found = st.selectbox(
        "Network",
        ids,
        ids.index(own) if own is not None else 0,
        format_func=lambda each: names.get(each, each),
        key=f"export_of_{hash((tuple(ids), own))}",
        help="A training of the current plan, where there is one; else the plan as it is.",
    )
    return found or _PLAN


def _format() -> str:
    options = list(words.FORMATS)
    found = st.radio(
        "Format",
        options,
        format_func=lambda each: words.FORMATS[each][0],
        captions=[said for _, said in words.FORMATS.values()],
        key=address.choice("export_format", "format", options, options[0]),
        persist_state="session",
    )
    return found or options[0]


def _chosen(label: str, key: str, name: str, of: Mapping[str, tuple[str, str]]) -> str:
    options = list(of)
    found = st.segmented_control(
        label,
        options,
        required=True,
        format_func=lambda each: of[each][0],
        key=address.choice(key, name, options, options[0]),
        persist_state="session",
    )
    chosen = found or options[0]
    st.caption(of[chosen][1])
    return chosen
