"""Several runs beside each other: what differs of their settings and of their numbers, and their trainings in one chart."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from explorer.figures.training import overlay
from explorer.figures.training.overlay import Course
from explorer.jobs.telling import comparison, titles
from explorer.jobs.telling.comparison import Line
from explorer.runs import Run
from explorer.ui.parts import export
from explorer.ui.runs import deleting, metrics
from explorer.ui.shell import caches

MOST_COURSES = 8


def show(runs: Sequence[Run]) -> None:
    """Draw the comparison under the list."""
    st.header(f"{len(runs)} runs compared")
    deleting.button(runs)
    compare(runs)


def compare(runs: Sequence[Run]) -> None:
    """Draw the curves of trainings among them, and what differs of settings and results."""
    called, metric = names(runs), metrics.of(runs)
    trained = [(name, run) for name, run in zip(called, runs, strict=True) if run.spec.kind == "finetune"]
    if len(trained) > 1:
        _curves(trained[:MOST_COURSES], metric)
        if len(trained) > MOST_COURSES:
            st.caption(f"The curves of the first {MOST_COURSES} of {len(trained)} trainings.")
    settings, results = comparison.settings(runs), comparison.results(runs, metric)
    st.markdown("**Settings that differ**")
    if settings:
        _table(settings, called)
    else:
        st.caption("None: they were asked the same, of the same study.")
    st.markdown("**Results that differ**")
    if results:
        _table(results, called, judged=True)
        st.caption(
            "± one standard error. *Within noise*: the largest and the smallest are less than two standard errors "
            "of their difference apart. Errors are added as if each run had looked at other samples, so a *differ* "
            "can be relied on."
        )
    else:
        st.caption("None that runs of these kinds are compared by, or none is done yet.")


def names(runs: Sequence[Run]) -> list[str]:
    """What tells the runs apart: their titles without what all begin with, and the id where that is not enough."""
    found = [titles.of(run).split(" · ") for run in runs]
    shared = 0
    while all(len(parts) > shared + 1 for parts in found) and len({parts[shared] for parts in found}) == 1:
        shared += 1
    short = [" · ".join(parts[shared:]) for parts in found]
    return [
        name if short.count(name) == 1 else f"{name} · {run.id[:5]}"
        for name, run in zip(short, runs, strict=True)
    ]


def _table(lines: Sequence[Line], called: Sequence[str], *, judged: bool = False) -> None:
    rows = []
    for line in lines:
        row = {"": line.name, **dict(zip(called, line.values, strict=True))}
        rows.append({**row, "verdict": line.verdict} if judged else row)
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=min(320, 37 + 35 * len(rows)),
        column_config={"": st.column_config.TextColumn(pinned=True)},
        alt="One row a difference",
    )


def _curves(trained: Sequence[tuple[str, Run]], metric: str) -> None:
    store = caches.store()
    courses = [Course(name, store.points(run.id, "test")) for name, run in trained]
    export.chart(
        overlay.figure(courses, metric=metric),
        key="overlay",
        name="trainings",
        alt=f"Test loss and {metric} of {len(courses)} trainings over their epochs",
        table=lambda: pd.DataFrame(
            [{"training": course.name, **point} for course in courses for point in course.points]
        ),
    )
