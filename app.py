"""The explorer's app: ``make app``, ``python -m explorer app``, or ``streamlit run app.py``.

Your own studies are named when it starts: ``python -m explorer app --study PATH/study.toml``. Streamlit reads this file
twice: once when the server starts, which takes the app with its guard from here, and then as the script of every page.
"""

import streamlit as st
from streamlit import runtime

from explorer.ui.shell import door, frame, navigation, results, sentences, session
from explorer.ui.shell.plain import plain
from explorer.ui.start import tour

if not runtime.exists():
    app = st.App(__file__, middleware=door.guarded())
else:
    st.set_page_config(page_title=navigation.NAME, page_icon=str(navigation.ICON), layout="wide")
    frame.style()
    with sentences.shown():
        door.enter()
        session.remember_link()
        page, run_page = navigation.choose()
        with results.read_once():
            complaint = session.read_address()
            frame.sidebar()
            if complaint:
                st.warning(plain(complaint))
            if page.of_a_study:
                frame.strip()
            tour.show(page)
            run_page()
            if page.of_a_study:
                session.write_address()
