"""Landscape: the loss when the weights of a block move away from where training left them."""

import streamlit as st

from explorer.ui.landscape import view as landscape_view
from explorer.ui.shell import frame, navigation, session

navigation.in_frame()
st.title("Landscape")
st.caption(
    "Quantization moves weights a little. Here they are moved on purpose and the loss is measured: a **steep** valley "
    "needs more bits, a **flat** one tolerates fewer. The quadratic that the Hessian predicts, on which Ω rests, is drawn "
    "beside what was measured (HAWQ-V2, Fig. 2)."
)
study = session.study()
if not study.has_network:
    st.info("This study holds published figures only: there are no weights to move. Choose a network study.")
else:
    landscape_view.show(study)
frame.next_step("frontier", "choose a plan on the frontier")
