"""The explorer's app: ``make app``, ``python -m explorer app``, or ``streamlit run app.py``.

Your own studies are named when it starts: ``python -m explorer app --study PATH/study.toml``. Streamlit reads this file
twice: once when the server starts, which takes the app with its guard from here, and then as the script of every page.
"""

import streamlit as st
from streamlit import runtime

from explorer.ui.shell import door, frame, keyboard, navigation, results, sentences, session, yardstick
from explorer.ui.start import tour
from explorer.ui.state import browser, link

if not runtime.exists():
    app = st.App(__file__, middleware=door.guarded())
else:
    st.set_page_config(page_title=navigation.NAME, page_icon=str(navigation.ICON), layout="wide")
    frame.style()
    browser.attend()
    with sentences.shown():
        door.enter()
        link.remember()
        page, run_page = navigation.choose()
        with results.read_once():
            link.read(page.file, apart=page.course)
            about = f"{page.title} · {session.study().name}" if page.of_a_study else page.title
            st.set_page_config(page_title=f"{about} – {navigation.NAME}")
            frame.sidebar(picker=not page.course)
            keyboard.ease()
            complaint = st.empty()
            link.complain(complaint)
            if page.of_a_study:
                yardstick.bind()
                frame.strip()
            tour.show(page)
            run_page()
            if page.of_a_study or page.course:
                link.write()
                link.complain(complaint)
