"""Results: what training brought, how well the damage was predicted, and plans and runs side by side."""

import streamlit as st

from explorer.figures.training import predicted as predicted_figure
from explorer.figures.training import results as results_figure
from explorer.ui.comparing import view as comparing
from explorer.ui.parts import export
from explorer.ui.shell import frame, navigation, results, session, yardstick
from explorer.ui.training import empty, outcomes

navigation.in_frame()
st.title("Results")
study = session.study()
rows = outcomes.rows(study) if study.has_network else []
if not study.has_network:
    empty.published()
elif not rows:
    empty.untrained(live=any(run.live for run in results.runs_of(study, "finetune")))
else:
    st.caption(
        "Left: each arrow is one run, from the plan without training to the plan after it. Right: the same plans, "
        "what curvature predicted against what quantization did to the test loss."
    )
    left, right = st.columns(2, gap="medium")
    measured = outcomes.predicted(rows)
    with left:
        export.chart(
            results_figure.figure(
                outcomes.pictured(rows),
                reference=outcomes.reference(study),
                metric=study.metric.name,
                height=400,
            ),
            key="results",
            name="results",
            alt=outcomes.finding(rows),
            table=lambda: outcomes.table(rows),
        )
    with right:
        if measured:
            export.chart(
                predicted_figure.figure(measured, label=yardstick.current().label),
                key="predicted",
                name="predicted-and-measured",
                alt=f"Predicted damage against the rise of the test loss, {len(measured)} plans",
                table=lambda: outcomes.table(rows),
            )
        else:
            st.info("Ω is not known: compute Hessian traces, or ΔWᵀHΔW, first.", icon=":material/info:")
            st.page_link("pages/sensitivity.py", label="Compute traces", icon=":material/monitoring:")
    st.dataframe(outcomes.table(rows), hide_index=True, column_config=outcomes.COLUMNS)
    st.caption(
        f"Ω is what was predicted from curvature before any training; {study.metric.name} and loss are on the test {study.noun.many}."
    )
    outcomes.pick(rows)
comparing.show(study)
if rows:
    frame.next_step("export", "take a network to where it runs", ("frontier", "try another plan"))
