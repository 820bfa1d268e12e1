"""An exercise on a page: a field for the answer, the verdict, hints and a worked solution on demand."""

import streamlit as st

from explorer.course import finding
from explorer.course.answers import LONGEST, OneOf, Verdict
from explorer.course.parts import Exercise
from explorer.errors import LessonError
from explorer.ui.course import progress
from explorer.ui.shell import sentences
from explorer.ui.shell.plain import plain


@sentences.fragment()
def show(number: int, id: str) -> None:
    """Draw the exercise."""
    exercise = finding.lesson(number).exercise(id)
    key = f"exercise_{id.replace('.', '_')}"
    with st.container(key=f"prose_{key}", border=True):
        solved = progress.is_solved(id)
        st.markdown(f"**Exercise {id}**{' :material/check_circle:' if solved else ''}\n\n{exercise.prompt}")
        with st.form(key, border=False):
            given = _field(exercise, key)
            if st.form_submit_button("Check"):
                _judge(exercise, given, key)
        verdict: Verdict | None = st.session_state.get(f"{key}_verdict")
        if verdict is not None:
            (st.success if verdict.right else st.warning)(
                plain(verdict.words), icon=":material/check:" if verdict.right else ":material/lightbulb:"
            )
        _help(exercise, key)


def _field(exercise: Exercise, key: str) -> str | None:
    answer = exercise.answer
    if isinstance(answer, OneOf):
        chosen: str | None = st.radio(
            "Your answer", answer.options, index=None, key=f"{key}_answer", label_visibility="collapsed"
        )
        return chosen
    return st.text_input(
        "Your answer",
        key=f"{key}_answer",
        placeholder=answer.asked,
        max_chars=LONGEST,
        label_visibility="collapsed",
        width=420,
    )


def _judge(exercise: Exercise, given: str | None, key: str) -> None:
    answer = exercise.answer
    if not given:
        verdict = Verdict(False, "Give an answer first.")
    else:
        try:
            verdict = exercise.check(answer.read(given))
        except LessonError as error:
            verdict = Verdict(False, str(error))
    st.session_state[f"{key}_verdict"] = verdict
    if verdict.right:
        progress.solve(exercise.id)


def _help(exercise: Exercise, key: str) -> None:
    seen = f"{key}_hints"
    shown: int = st.session_state.get(seen, 0)
    for hint in exercise.hints[:shown]:
        st.markdown(f":material/lightbulb: {hint}")

    def one_more() -> None:
        st.session_state[seen] = shown + 1

    with st.container(horizontal=True, vertical_alignment="center"):
        if shown < len(exercise.hints):
            label = "Another hint" if shown else "Hint"
            st.button(label, key=f"{key}_hint", type="tertiary", on_click=sentences.callback(one_more))
        solution = st.toggle("Solution", key=f"{key}_solution")
    if solution:
        st.markdown(exercise.solution)
