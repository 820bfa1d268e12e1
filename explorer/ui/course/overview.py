"""The course's first page: every lesson with its question, and how far one is."""

import streamlit as st

from explorer.course import finding
from explorer.ui.course import progress


def show() -> None:
    """What the course is, and the lessons."""
    progress.keep()
    st.title("Course", anchor=False)
    st.markdown(
        "From the first rounded number to a trained network of mixed precision. Every lesson answers one question: you move "
        "something and see it answered, read the mathematics in a few lines, and check what you understood in exercises "
        "that correct themselves. You need linear algebra and a little PyTorch."
    )
    for number, lesson in finding.lessons().items():
        done, asked = progress.count(lesson)
        with st.container(border=True, key=f"lesson_card_{number}"):
            st.page_link(f"pages/{lesson.page}.py", label=f"**{number} {lesson.title}**")
            st.markdown(lesson.question)
            st.caption(f"About {lesson.minutes} minutes · {done} of {asked} exercises solved")
