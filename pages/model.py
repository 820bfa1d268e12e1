"""Model: the network, its blocks, and where its weights are."""

import streamlit as st

from explorer.figures import architecture
from explorer.ui.parts import export, tables
from explorer.ui.shell import frame, navigation, session
from explorer.ui.shell.plain import plain

navigation.in_frame()
st.title("Model")
study, plan = session.study(), session.plan()
st.write(plain(study.card.summary))

frame.measured_line()
frame.granularity_control()
blocks = session.blocks()
bits = plan.w_bits if plan else None
export.chart(
    architecture.figure(architecture.view(blocks, bits)),
    key="architecture",
    name="architecture",
    alt="The network, block by block",
    table=lambda: tables.of_blocks(blocks),
)
st.caption(
    "One box per block, from input to output: as tall as the image it produces, as wide as its channels. "
    + (
        "The colour shows the bits of its weights in the current plan."
        if plan
        else "The darker, the larger its share of the weights."
    )
    + " A *block* is the unit that gets one bit width."
)
st.dataframe(tables.of_blocks(blocks), hide_index=True, column_config=tables.BLOCK_COLUMNS, height=420)
with st.expander("Where this study comes from", icon=":material/info:"):
    st.markdown(tables.card_text(study))
frame.next_step("sensitivity", "see which blocks are sensitive")
