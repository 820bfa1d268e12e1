"""Fine-tune: quantization-aware training of the current plan."""

import streamlit as st

from explorer.ui.shell import frame, navigation, results, session
from explorer.ui.training import desk, empty

navigation.in_frame()
st.title("Fine-tune")
st.caption(
    "Training goes on with quantized weights and activations: the forward pass sees the grid, the backward pass "
    "ignores the rounding (the *straight-through estimator*). The network learns to live with few bits, by default "
    "with steps that are learnt (LSQ) and the FP32 network as its teacher."
)
study = session.study()
if not study.has_network:
    empty.published()
else:
    desk.show(study, session.plan())
    if any(run.status == "done" for run in results.runs_of(study, "finetune")):
        frame.next_step(
            "results", "compare before and after", ("export", "take the network to where it runs")
        )
