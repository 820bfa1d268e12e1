"""Pages on which picture and numbers share one screen: little room for what stands above them."""

import streamlit as st

_STYLE = """<style>
[data-testid="stMainBlockContainer"] {padding-left: 2rem; padding-right: 2rem;}
[data-testid="stMainBlockContainer"] h1 {font-size: 1.5rem; padding: 0;}
[data-testid="stMainBlockContainer"] h3 {font-size: 1.1rem; padding: 0;}
.st-key-training_numbers [data-testid="stMetricValue"] {font-size: 1.05rem;}
</style>"""


def style() -> None:
    """Smaller headings and margins on this page."""
    st.html(_STYLE)
