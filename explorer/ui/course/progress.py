"""Which exercises a person has solved."""

import streamlit as st

from explorer.course.parts import Lesson

_SOLVED = "course_solved"


def keep() -> None:
    """Bring back what this browser kept."""


def solved() -> set[str]:
    """Numbers of the exercises that are solved."""
    found: set[str] = st.session_state.setdefault(_SOLVED, set())
    return found


def is_solved(id: str) -> bool:
    """Whether one is."""
    return id in solved()


def solve(id: str) -> None:
    """One more."""
    solved().add(id)


def count(lesson: Lesson) -> tuple[int, int]:
    """How many exercises of a lesson are solved, and how many it has."""
    return sum(is_solved(exercise.id) for exercise in lesson.exercises), len(lesson.exercises)
