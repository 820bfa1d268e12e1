"""Export: the current plan, or a trained network, as files that run elsewhere."""

import streamlit as st

from explorer.ui.export import desk
from explorer.ui.shell import frame, navigation, session
from explorer.ui.training import empty

navigation.in_frame()
st.title("Export")
st.caption(
    "A plan in the app is simulated in floating point. Here its integers are written to files that other programs run, "
    "and read back: what was checked stands beside them."
)
study = session.study()
if not study.has_network:
    empty.published()
else:
    desk.show(study, session.plan())
    frame.next_step("frontier", "try another plan", ("fine_tune", "train this one first"))
