"""The page of a lesson: its parts from top to bottom; or one picture alone, to be shown to a class."""

import streamlit as st

from explorer.course import finding
from explorer.course.parts import (
    Code,
    Exercise,
    Experiment,
    InTheApp,
    Lesson,
    Long,
    Notice,
    Part,
    Sources,
    Text,
)
from explorer.studies import names
from explorer.ui.course import exercise, experiment, going_on, long, presenting, progress
from explorer.ui.shell import navigation, sentences
from explorer.ui.state import link


def show(number: int) -> None:
    """Draw the lesson of a number."""
    lesson = finding.lesson(number)
    progress.keep()
    shown = presenting.shown(lesson)
    if shown is not None:
        presenting.show(lesson, shown, lambda: experiment.answering(number, shown, large=True))
        return
    st.title(f"{number} {lesson.title}", anchor=False)
    with st.container(key=f"prose_question_{number}"):
        st.markdown(f"## {lesson.question}")
        _goals(lesson)
    going_on.enter(number)
    _stretch(number, 0)


def _stretch(number: int, place: int) -> None:
    """Draw a stretch of a lesson, and behind it the next one or the mark that calls for it."""
    lesson = finding.lesson(number)
    stretches = going_on.stretches(lesson.parts)
    for at, part in stretches[place]:
        _draw(lesson, part, at)
    if place + 1 < len(stretches):
        _next(number, place + 1)
    else:
        _onwards(lesson)


@sentences.fragment()
def _next(number: int, place: int) -> None:
    complaint = st.empty()
    if going_on.reached(place):
        _stretch(number, place)
        link.complain(complaint)
    else:
        going_on.mark(number, place)


def _goals(lesson: Lesson) -> None:
    done, asked = progress.count(lesson)
    with st.expander(
        f"About {lesson.minutes} minutes · {done} of {asked} exercises solved · what you will be able to do",
        icon=":material/flag:",
    ):
        st.markdown("\n".join(f"- {goal}" for goal in lesson.goals))
        st.caption(
            f"The same lesson as a notebook: `notebooks/lessons/{lesson.notebook}.ipynb` (`make lab`)."
        )


def _draw(lesson: Lesson, part: Part, place: int) -> None:
    key = f"{lesson.number}_{place}"
    match part:
        case Text():
            with st.container(key=f"prose_{key}"):
                st.markdown(part.words)
        case Notice():
            with st.container(key=f"notice_{key}"):
                st.markdown(f"**What to notice.** {part.words}")
        case Code():
            with st.container(key=f"prose_{key}"):
                _code(part, key)
        case Experiment():
            experiment.show(lesson.number, part.key)
        case Exercise():
            exercise.show(lesson.number, part.id)
        case Long():
            long.show(lesson.number, part.key)
        case InTheApp():
            _in_the_app(part, key)
        case Sources():
            with st.container(key=f"prose_{key}"):
                st.markdown("## Sources\n\n" + "\n".join(f"- {source.line}" for source in part.of))


@sentences.fragment()
def _code(part: Code, key: str) -> None:
    """Folded, and drawn when it is opened: what colours code in the browser takes half a second to load."""
    with st.expander(part.title, icon=":material/code:", key=f"code_{key}", on_change="rerun") as folded:
        if folded.open:
            st.code(part.source, language="python")


def _in_the_app(part: InTheApp, key: str) -> None:
    title = navigation.entry(part.page).title
    with st.container(key=f"app_{key}", horizontal=True, vertical_alignment="center"):
        st.markdown(f"**For real:** {part.words} ({part.study}).", width="content")
        if st.button(f"Open in {title}", key=f"open_{key}", icon=":material/open_in_new:"):
            said = {} if part.study == names()[0] else {"study": part.study}
            link.lead(part.page, {**said, **part.address})


def _onwards(lesson: Lesson) -> None:
    st.divider()
    after = [each for number, each in finding.lessons().items() if number > lesson.number]
    with st.container(horizontal=True, key="lesson_end"):
        if after:
            words = f"Next: {after[0].number} {after[0].title}"
            st.page_link(f"pages/{after[0].page}.py", label=words, icon=":material/arrow_forward:")
        st.page_link("pages/course.py", label="All lessons", icon=":material/school:")
