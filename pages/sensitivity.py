"""Sensitivity: the mean Hessian trace of every block, with its error."""

import streamlit as st

from explorer.figures import sensitivity
from explorer.runs import Run
from explorer.studies import ProfileStudy
from explorer.ui import frame, navigation, results, run_panel, session, tables, trace_form

navigation.in_frame()
st.title("Sensitivity")
st.write(
    "How much does the loss curve when the weights of one block move? The **mean Hessian trace**, Tr(H)/n, answers it: "
    "a block that stands high needs its bits, a block that stands low can give them up (HAWQ-V2, section 3.1)."
)
study = session.study()
with st.container(horizontal=True, gap="medium", vertical_alignment="bottom"):
    frame.granularity_control()
    order = st.segmented_control(
        "Order", trace_form.ORDERS, default="depth", required=True, key="trace_order"
    )
    axis = st.segmented_control("Axis", ["log", "linear"], default="log", required=True, key="trace_axis")
    asked = None if isinstance(study, ProfileStudy) else trace_form.ask(study)


def draw(run: Run) -> None:
    """The result, or the estimates so far."""
    blocks = results.trace_blocks(run)
    if not blocks:
        st.caption("The first estimates appear here in a few seconds.")
        return
    dots = sensitivity.view(blocks, order)
    st.plotly_chart(
        sensitivity.figure(dots, log=axis == "log", order=order),
        key="traces",
        alt="Mean Hessian trace per block",
    )
    if run.result:
        st.caption(f"{run.result['note']} It took {run.result['seconds']:.1f} s.")
        with st.expander("The figures as a table", icon=":material/table:"):
            st.dataframe(tables.of_traces(blocks), hide_index=True, column_config=tables.TRACE_COLUMNS)


if isinstance(study, ProfileStudy):
    dots = sensitivity.published_view(study.mean_traces, results.sizes(study.blocks), order)
    st.plotly_chart(
        sensitivity.figure(dots, log=axis == "log", order=order, label="published, without an error"),
        key="traces",
    )
    st.caption(f"Published figures: {study.card.source}. The publication gives no errors.")
elif asked is None:
    st.info(
        "Nobody has computed the traces of this study yet. Press **Compute traces**; it takes well under a minute and "
        "goes on when you leave the page.",
        icon=":material/play_circle:",
    )
else:
    run_panel.watch(asked, draw)
frame.next_step("frontier", "choose a plan on the frontier")
