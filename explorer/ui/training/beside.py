"""Other trainings of the study beside the one that is shown: their curves in one chart, and what differs of them."""

from collections.abc import Sequence

import streamlit as st

from explorer.runs import Run
from explorer.ui.runs import several
from explorer.ui.training import trainings


def pick(runs: Sequence[Run], current: Run | None) -> list[Run]:
    """Choose trainings to show beside the current one."""
    others = {run.id: run for run in runs if current is not None and run.id != current.id}
    if not others:
        return []
    chosen = st.multiselect(
        "Beside it",
        list(others),
        format_func=lambda run_id: trainings.label(others[run_id]),
        max_selections=several.MOST_COURSES - 1,
        placeholder="Other trainings",
        help="Their curves in one chart, their settings and results where they differ.",
        key=f"training_beside_{'' if current is None else current.id}",
    )
    return [others[run_id] for run_id in chosen]


def show(runs: Sequence[Run]) -> None:
    """Draw the comparison."""
    st.subheader(f"{len(runs)} trainings beside each other")
    several.compare(runs)
