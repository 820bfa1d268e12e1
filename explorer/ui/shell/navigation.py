"""The pages, and making sure that each is shown inside the app's frame.

Until ``st.navigation`` has been called once, Streamlit takes a folder named ``pages`` for its older kind of
multi-page app and runs the first page that a link names without ``app.py``. Such a page declares the
navigation, which settles the kind for the whole server, and asks to be run again.

A study of published figures has no weights: the pages that need some stand below a heading that says so, and are not
what comes next.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from explorer.course import finding
from explorer.errors import StudyError
from explorer.ui.shell import session

ICON = Path(__file__).with_name("icon.svg")
NAME = "Mixed-precision explorer"
COURSE = "Course"
WITHOUT_WEIGHTS = "Not for published figures: they have no weights"
_INSIDE = "inside_course"
_IN_FRAME: ContextVar[bool] = ContextVar("in_frame", default=False)


@dataclass(frozen=True)
class Entry:
    """A page: its file, its title and icon in the menu.

    Attributes:
        weights: it is about weights, which a study of published figures does not have.
        of_a_study: it shows the current study.
        hidden: other pages lead to it, the menu does not.
        course: it belongs to the course, and is of no study; its lessons are in the menu while one is in the course.
    """

    file: str
    title: str
    icon: str
    weights: bool = False
    of_a_study: bool = True
    hidden: bool = False
    course: bool = False


START = Entry("start", "Start", "home", of_a_study=False)
_PAGES: tuple[Entry, ...] = (
    START,
    Entry("model", "Model", "account_tree"),
    Entry("sensitivity", "Sensitivity", "monitoring"),
    Entry("landscape", "Landscape", "landscape", weights=True),
    Entry("frontier", "Frontier", "show_chart"),
    Entry("step_sizes", "Step sizes", "straighten", weights=True),
    Entry("fine_tune", "Fine-tune", "model_training", weights=True),
    Entry("results", "Results", "fact_check", weights=True),
    Entry("export", "Export", "output", weights=True),
    Entry("runs", "Runs", "list_alt"),
    Entry("glossary", "Glossary", "dictionary", of_a_study=False),
    Entry("course", "All lessons", "school", of_a_study=False, course=True),
    Entry("own_study", "A study of one's own", "upload_file", of_a_study=False, hidden=True),
)


@cache
def _pages() -> tuple[Entry, ...]:
    """Every page, the lessons that there are included."""
    lessons = (
        Entry(lesson.page, f"{number} {lesson.title}", "", of_a_study=False, course=True)
        for number, lesson in finding.lessons().items()
    )
    return (*_PAGES, *lessons)


def choose() -> tuple[Entry, Callable[[], None]]:
    """Draw the menu; the page the person is on, and what runs it."""
    inside = bool(st.session_state.get(_INSIDE))
    page = _navigation(lessons=inside)
    if entry(page.url_path or START.file).course != inside:  # the menu is that of the page that was left
        st.session_state[_INSIDE] = not inside
        page = _navigation(lessons=not inside)

    def run() -> None:
        token = _IN_FRAME.set(True)
        try:
            page.run()
        finally:
            _IN_FRAME.reset(token)

    return entry(page.url_path or START.file), run


def entry(file: str) -> Entry:
    """The page of this file."""
    return next(each for each in _pages() if each.file == file)


def has(file: str) -> bool:
    """Whether there is such a page."""
    return any(each.file == file for each in _pages())


def in_frame() -> None:
    """The first line of every page: go through ``app.py`` if Streamlit did not."""
    if not _IN_FRAME.get():
        # A page's own icon would be fetched from elsewhere for the browser's tab, were there no other.
        st.set_page_config(page_icon=str(ICON))
        _navigation(framed=False)
        st.rerun()


def _navigation(*, framed: bool = True, lessons: bool = False) -> StreamlitPage:
    """The menu.

    Args:
        framed: within ``app.py``, after whose first lines there are icons and a current study.
        lessons: all of them; else only the way to the course.
    """
    apart = framed and _published()
    sections: dict[str, list[StreamlitPage]] = {"": []}
    for each in _pages():
        hidden = each.hidden or (each.file.startswith("lesson_") and not lessons)
        page = st.Page(
            f"pages/{each.file}.py",
            title=each.title,
            icon=f":material/{each.icon}:" if framed and each.icon else None,
            default=each is START,
            visibility="hidden" if hidden else "visible",
        )
        section = COURSE if each.course else WITHOUT_WEIGHTS if apart and each.weights else ""
        sections.setdefault(section, []).append(page)
    return st.navigation(sections, expanded=True)


def _published() -> bool:
    """Whether the current study, or the one that the address names at first, is one of published figures."""
    try:
        kinds = {card.name: card.kind for card in session.offered()}
    except StudyError:
        return False  # the picker, which is drawn next, says what is wrong
    return kinds.get(session.named(), "network") == "profile"
