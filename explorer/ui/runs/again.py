"""Asking a run's question again with changes: a small form made of the fields of the question."""

from collections.abc import Mapping
from typing import Any, Literal, get_args, get_origin

import streamlit as st
from pydantic.fields import FieldInfo

from explorer.jobs import request
from explorer.jobs.requests import spec_of
from explorer.jobs.telling import titles
from explorer.questions.base import Question
from explorer.runs import Run
from explorer.ui.runs import listing
from explorer.ui.shell import caches, door, opening, session

_STARTED = "runs_started"


def show(run: Run) -> None:
    """Draw the form, closed, where the run's question and study are known here."""
    question, reference = titles.question_of(run.spec), opening.study_of(run)
    if question is None or reference is None:
        return
    with (
        st.expander("Run again with changes", icon=":material/replay:"),
        st.form(f"again-{run.id}", border=False),
    ):
        changed = {name: _field(run, name, field, question) for name, field in _fields(question).items()}
        if not st.form_submit_button("Start", type="primary", icon=":material/play_arrow:"):
            return
        asked = type(question)(**{**question.options(), **changed})
        study = caches.study(reference) if reference != session.reference() else session.study()
        spec = spec_of(study, asked)
        there = caches.store().find(spec)
        if there is not None and there.id == run.id:
            st.info("These are the settings of this very run; change one.")
            return
        new = request(caches.store(), spec, parts=study.parts, owner=door.person().name)
        listing.choose([new.id])
        if there is not None:
            st.session_state[_STARTED] = f"There is such a run already; it is {there.status} and chosen now."
        st.rerun()


def said() -> None:
    """What there is to say of the run that was asked for last, once."""
    if words := st.session_state.pop(_STARTED, None):
        st.info(words)


def _fields(question: Question) -> Mapping[str, FieldInfo]:
    """Options that can be written down in a line: a plan, given steps and a quantizer stay as they are."""
    fields = type(question).model_fields
    plain = question.model_dump(mode="json")
    return {name: field for name, field in fields.items() if not isinstance(plain[name], dict)}


def _field(run: Run, name: str, field: FieldInfo, question: Question) -> Any:
    label, key = name.replace("_", " "), f"again-{run.id}-{name}"
    value = question.model_dump(mode="json")[name]
    if get_origin(field.annotation) is Literal:
        options = list(get_args(field.annotation))
        return st.selectbox(label, options, options.index(value), help=field.description, key=key)
    if isinstance(value, bool):
        return st.checkbox(label, value, help=field.description, key=key)
    text = st.text_input(label, written(value), help=field.description, key=key).strip()
    if "tuple" in str(field.annotation):
        return [part.strip() for part in text.split(",") if part.strip()] or None
    return text or None  # what is a number is read by the question, which says what is wrong with it


def written(value: Any) -> str:
    """An option as a person writes it: a list with commas, nothing for none."""
    if isinstance(value, list):
        return ", ".join(map(written, value))
    return "" if value is None else str(value)
