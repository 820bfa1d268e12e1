"""The explorer's app: ``streamlit run app.py``, or ``make app``.

Studies of one's own are named when it starts: ``streamlit run app.py -- --study PATH/study.toml``.
"""

import streamlit as st

from explorer.errors import ExplorerError
from explorer.ui import frame, session

st.set_page_config(page_title="Mixed-precision explorer", page_icon=":material/tune:", layout="wide")
frame.style()

page = st.navigation(
    [
        st.Page("pages/model.py", title="Model", icon=":material/account_tree:", default=True),
        st.Page("pages/sensitivity.py", title="Sensitivity", icon=":material/monitoring:"),
        st.Page("pages/frontier.py", title="Frontier", icon=":material/show_chart:"),
        st.Page("pages/fine_tune.py", title="Fine-tune", icon=":material/model_training:"),
        st.Page("pages/results.py", title="Results", icon=":material/fact_check:"),
    ]
)
try:
    complaint = session.read_address()
    frame.sidebar()
    if complaint:
        st.warning(complaint)
    frame.strip()
    page.run()
    session.write_address()
except ExplorerError as error:
    st.error(str(error), icon=":material/error:")
