"""Results: what training brought, one row a run."""

import streamlit as st

from explorer.figures.training import results as results_figure
from explorer.ui.parts import export
from explorer.ui.shell import frame, navigation, session
from explorer.ui.training import outcomes

navigation.in_frame()
st.title("Results")
study = session.study()
rows = outcomes.rows(study) if study.has_network else []
if not rows or not study.has_network:
    st.info(
        "No training of this study has finished yet; each that does becomes a row here.",
        icon=":material/info:",
    )
    st.page_link("pages/fine_tune.py", label="Fine-tune a plan", icon=":material/model_training:")
else:
    st.write(
        "Each arrow is one run: from the plan without training to the plan after training, at the size of the plan."
    )
    export.chart(
        results_figure.figure(outcomes.pictured(rows), reference=outcomes.reference(study)),
        key="results",
        name="results",
        alt="Accuracy against size, before and after training",
        table=lambda: outcomes.table(rows),
    )
    st.dataframe(outcomes.table(rows), hide_index=True, column_config=outcomes.COLUMNS)
    st.caption(
        "Ω is what was predicted from curvature before any training; accuracies are on the shipped test images."
    )
    outcomes.pick(rows)
frame.next_step("frontier", "try another plan")
