"""Fine-tune: quantization-aware training of the plan in hand."""

import streamlit as st

from explorer.figures.plans import plan as plan_figure
from explorer.ui.parts import export, tables
from explorer.ui.shell import frame, navigation, results, session
from explorer.ui.training import desk as training_desk

navigation.in_frame()
st.title("Fine-tune")
st.write(
    "Training goes on with quantized weights and activations: the forward pass sees the grid, the backward pass "
    "ignores the rounding (the *straight-through estimator*). The network learns to live with few bits."
)
study, plan = session.study(), session.plan()
if not study.has_network:
    st.info("This study holds published figures only: there are no weights to train. Choose a network study.")
else:
    if plan is None:
        st.info("No current plan. Click a point on the frontier first.", icon=":material/info:")
        st.page_link("pages/frontier.py", label="Choose a plan", icon=":material/show_chart:")
    else:
        bars = plan_figure.view(
            {name: (bits.w_bits, bits.a_bits) for name, bits in plan.blocks.items()},
            results.sizes(session.blocks()),
        )
        export.chart(
            plan_figure.figure(bars, height=220),
            key="plan_to_train",
            name="plan",
            alt="Bits of every block",
            table=lambda: tables.of_plan(bars),
        )
    training_desk.show(study, plan)
frame.next_step("results", "compare before and after")
