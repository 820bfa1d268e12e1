"""What stands in place of trainings where there are none, and what to do about it."""

import streamlit as st

from explorer.ui.shell import session


def published() -> None:
    """The study has no weights, so that nothing of it can be trained."""
    st.info(
        "This study holds published figures only: there are no weights to train. To train, choose a network at the "
        "top of the list of studies; plans of this one can be compared on the frontier.",
        icon=":material/info:",
    )
    st.page_link("pages/frontier.py", label="Compare plans on the frontier", icon=":material/show_chart:")


def untrained(*, live: bool) -> None:
    """No training of the study has finished."""
    if live:
        st.info("A training is running; its row appears here when it is done.", icon=":material/info:")
        st.page_link("pages/fine_tune.py", label="Watch it", icon=":material/model_training:")
    elif session.plan() is None:
        st.info("Nothing is trained yet, and there is no current plan to train.", icon=":material/info:")
        st.page_link("pages/frontier.py", label="Choose a plan", icon=":material/show_chart:")
    else:
        st.info("Nothing is trained yet. Train the current plan first.", icon=":material/info:")
        st.page_link("pages/fine_tune.py", label="Train the current plan", icon=":material/model_training:")
