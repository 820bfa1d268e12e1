"""Runs: every computation of every study, to find, describe, compare and delete."""

import streamlit as st

from explorer.ui.runs import again, deleting, listing, one, several, sweep
from explorer.ui.shell import caches, navigation

navigation.in_frame()
st.title("Runs")
st.caption(
    "Every computation that was asked for, of every study, running and ended, with what came out of it."
)
again.said()
deleting.undo()
chosen = listing.show()
runs = [caches.store().get(run_id) for run_id in chosen]
swept = sweep.chooser(sweep.all_of(caches.store().list(kind="finetune")), key="runs_sweep")
if swept is not None:
    sweep.panel(swept)
if len(runs) == 1:
    one.show(runs[0])
elif runs:
    several.show(runs)
deleting.kept()
