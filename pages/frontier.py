"""Frontier: cost against predicted damage; click a dot and it becomes the plan in hand."""

import streamlit as st

from explorer.ui import frame, frontier_picture, navigation, plan_desk, results

navigation.in_frame()
st.title("Frontier")
st.write(
    "Every dot is a plan: bits for every block. Further left is smaller, further down is less damage. "
    "**Click a dot** to take its plan in hand, then change it in the table below."
)
frame.granularity_control()
basis = results.basis()
if basis is None:
    st.info(
        "The frontier weighs blocks by their Hessian traces, and this study has none yet.",
        icon=":material/info:",
    )
    st.page_link("pages/sensitivity.py", label="Compute the traces first", icon=":material/monitoring:")
else:
    frontier_picture.show(*basis)
    plan_desk.show()
frame.next_step("fine_tune", "train the network under this plan")
