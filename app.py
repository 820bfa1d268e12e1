"""The explorer's app: ``make app``, ``python -m explorer app``, or ``streamlit run app.py``.

Your own studies are named when it starts: ``python -m explorer app --study PATH/study.toml``.
"""

import streamlit as st

from explorer.ui.shell import frame, navigation, results, sentences, session

st.set_page_config(page_title="Mixed-precision explorer", page_icon=str(navigation.ICON), layout="wide")
frame.style()

run_page = navigation.choose()
with sentences.shown(), results.read_once():
    complaint = session.read_address()
    frame.sidebar()
    if complaint:
        st.warning(complaint)
    frame.strip()
    run_page()
    session.write_address()
