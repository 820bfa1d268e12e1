"""Step sizes: every quantizer's step, chosen for the loss of the whole network."""

import streamlit as st

from explorer.ui.shell import frame, navigation, session
from explorer.ui.state import address
from explorer.ui.steps import form as steps_form
from explorer.ui.steps import views as steps_view

navigation.in_frame()
study = session.study()
seen = next(iter(steps_view.VIEWS))
with st.container(horizontal=True, vertical_alignment="center", gap="medium"):
    st.title("Step sizes", width="content")
    if study.has_network:
        chosen = st.segmented_control(
            "View",
            list(steps_view.VIEWS),
            required=True,
            key=address.choice(steps_form.VIEW, "view", steps_view.VIEWS, seen),
            persist_state="session",
            label_visibility="collapsed",
        )
        seen = chosen or seen
st.caption(
    "The **step** Δ of every quantizer, chosen for the least loss of the whole network (LAPQ, Nahshan et al. 2019)."
)
if not study.has_network:
    st.info(
        "This study holds published figures only, so there is no tensor to quantize. Choose a network study."
    )
else:
    steps_view.VIEWS[seen](study)
held = session.plan()
if held is not None and held.steps is not None:
    frame.next_step("fine_tune", "train the network with these steps")
else:
    frame.next_step("frontier", "choose how many bits each block gets")
