"""Frontier: cost against predicted damage; click a dot and it becomes the current plan."""

import streamlit as st

from explorer.ui.frontier import view, waiting
from explorer.ui.shell import frame, navigation, results, session

navigation.in_frame()
st.title("Frontier")
st.caption(
    "Every dot is a plan, a bit width for every block: further left is smaller or faster, further down is less predicted "
    "damage. **Click a dot** to use its plan."
)
if results.basis() is None:
    waiting.show()
else:
    view.show()
if session.plan() is not None and session.study().has_network:
    frame.next_step("fine_tune", "train the network under this plan")
