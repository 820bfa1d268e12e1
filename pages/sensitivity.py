"""Sensitivity: the mean Hessian trace of every block, with its error."""

import streamlit as st

from explorer.ui.sensitivity import eigen_view
from explorer.ui.sensitivity import view as sensitivity_view
from explorer.ui.shell import frame, navigation, session
from explorer.ui.state import address

navigation.in_frame()
study = session.study()
seen = "Traces"
with st.container(horizontal=True, vertical_alignment="center", gap="large"):
    st.title("Sensitivity", width="content")
    if study.has_network:
        seen = (
            st.segmented_control(
                "View",
                ["Traces", "Eigenvalues"],
                required=True,
                key=address.choice("sensitivity_view", "view", ["Traces", "Eigenvalues"], "Traces"),
                label_visibility="collapsed",
            )
            or "Traces"
        )
st.caption(
    "How much does the loss curve when the weights of one block move? The **mean Hessian trace**, Tr(H)/n, answers it: "
    "a block with a high trace needs more bits, one with a low trace tolerates fewer (HAWQ-V2, section 3.1)."
)
if not study.has_network:
    sensitivity_view.show_published(study)
elif seen == "Traces":
    sensitivity_view.show(study)
else:
    eigen_view.show(study)
frame.next_step("frontier", "choose a plan on the frontier")
