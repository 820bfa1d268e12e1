"""A study of one's own: how to write one, as the documentation says it."""

from pathlib import Path

import streamlit as st

from explorer.ui.shell import navigation

navigation.in_frame()
written = (Path(__file__).parents[1] / "docs" / "own-study.md").read_text(encoding="utf-8")
title, text = written.split("\n", 1)
st.title(title.removeprefix("# "), anchor=False)
st.markdown(text)
