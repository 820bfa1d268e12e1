"""The glossary: every term under an anchor of its own, and the papers."""

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from explorer.course import finding
from explorer.ui.parts.vocabulary import PAPERS, TERMS, Term

_JS = Path(__file__).with_suffix(".js")


def show() -> None:
    """Title, terms in the order of the story, papers."""
    st.title("Glossary", anchor=False)
    st.write(
        "The terms of the pages in one or two sentences each, in the order in which the pages need them. "
        "Section numbers are those of the papers below."
    )
    with st.container(key="way_through"):
        for key, entry in TERMS.items():
            st.header(entry.name, anchor=key)
            st.markdown(meaning(entry))
            if (lesson := finding.explaining().get(key)) is not None:
                st.page_link(
                    f"pages/{lesson.page}.py",
                    label=f"Lesson {lesson.number}: {lesson.title}",
                    icon=":material/school:",
                )
        st.header("Papers", anchor="papers")
    st.markdown("\n".join(f"- {paper.line}" for paper in PAPERS.values()))
    with st.container(key="anchor"):
        _anchor()(key="glossary_anchor", height=1)
    st.caption("Links to arXiv leave the app; it loads nothing from there by itself.")


def meaning(entry: Term) -> str:
    """The sentences of a term with their source."""
    if entry.paper is None:
        return entry.meaning
    place = f", {entry.place}" if entry.place else ""
    return f"{entry.meaning} *({PAPERS[entry.paper].short}{place})*"


@cache
def _anchor() -> ComponentRenderer:
    return st.components.v2.component("explorer_glossary_anchor", js=_JS.read_text(encoding="utf-8"))
