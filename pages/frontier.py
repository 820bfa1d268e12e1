"""Frontier: cost against predicted damage; click a dot and it becomes the current plan."""

import streamlit as st

from explorer.ui.frontier import view as frontier_view
from explorer.ui.shell import frame, navigation, results

navigation.in_frame()
st.title("Frontier")
st.write(
    "Every dot is a plan: a bit width for every block. Further left is smaller or faster, further down is less predicted "
    "damage. **Click a dot** to use its plan, drag the handle, or set a budget; then change single blocks below."
)
basis = results.basis()
if basis is None:
    frame.granularity_control()
    st.info(
        "No traces yet for this study. The frontier weighs the blocks by their Hessian traces.",
        icon=":material/info:",
    )
    st.page_link("pages/sensitivity.py", label="Compute the traces first", icon=":material/monitoring:")
else:
    frontier_view.show(basis)
frame.next_step("fine_tune", "train the network under this plan")
