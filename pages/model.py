"""Model: the network, its blocks, and where its weights are."""

import streamlit as st

from explorer.figures import architecture
from explorer.ui.parts import export, tables
from explorer.ui.shell import frame, navigation, session
from explorer.ui.shell.plain import plain

navigation.in_frame()
with st.container(horizontal=True, vertical_alignment="bottom", gap="large"):
    st.title("Model", width="content")
    frame.granularity_control()
study, plan = session.study(), session.plan()
st.write(plain(study.card.summary))

frame.measured_line()
blocks = session.blocks()
bits = plan.w_bits if plan else None
boxes = architecture.view(blocks, bits)
export.chart(
    architecture.figure(boxes),
    key="architecture",
    name="architecture",
    alt=architecture.finding(boxes),
    table=lambda: tables.of_blocks(blocks),
)
st.caption(
    architecture.words(blocks)
    + (
        " The colour shows the bits of its weights in the current plan."
        if plan
        else " The stronger the colour, the larger its share of the weights."
    )
    + " A *block* is the unit that gets one bit width."
)
# The browser's code for tables is long to start: it waits until somebody asks for the table.
with st.expander(
    "All blocks as a table", icon=":material/table:", key="blocks_table", on_change="rerun"
) as listed:
    if listed.open:
        st.dataframe(
            tables.of_blocks(blocks), hide_index=True, column_config=tables.BLOCK_COLUMNS, height=420
        )
with st.expander("Where this study comes from", icon=":material/info:"):
    st.markdown(tables.card_text(study))
frame.next_step("sensitivity", "see which blocks are sensitive")
