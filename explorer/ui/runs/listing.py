"""The list of all runs: filters, a table whose rows can be chosen, and what they take on the disk."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import streamlit as st

from explorer.figures.look import bytes_text
from explorer.jobs import housekeeping
from explorer.jobs.housekeeping import Disk
from explorer.jobs.telling import finding, titles
from explorer.jobs.telling.finding import Wanted
from explorer.questions.telling.titles import NOUNS
from explorer.runs import Run
from explorer.timing import duration
from explorer.ui.shell import caches, sentences

CHOSEN, TURN = "runs_chosen", "runs_chosen_elsewhere"
_HEIGHT = 460
COLUMNS: Mapping[str, Any] = {
    "run": st.column_config.TextColumn("run", width=400),
    "status": st.column_config.TextColumn("status", width=85),
    "progress": st.column_config.ProgressColumn("progress", format="percent", width=95),
    "asked": st.column_config.DatetimeColumn("asked for", format="D MMM, HH:mm", width=110),
    "took": st.column_config.TextColumn("took", width=65),
    "by": st.column_config.TextColumn("by", width=85),
    "size": st.column_config.NumberColumn("on disk", format="bytes", width=75),
    "tags": st.column_config.ListColumn("tags", width="small"),
    "note": st.column_config.TextColumn("note"),
}


def show() -> tuple[str, ...]:
    """Draw filters and table; the ids of the chosen runs."""
    runs = caches.store().list()
    if not runs:
        st.info(
            "No run yet. Each computation that you start on another page becomes a row here.",
            icon=":material/info:",
        )
        return ()
    wanted = _wanted(runs)
    live = frozenset(run.id for run in runs if run.live)
    if live:
        _polled(wanted, live)
    else:
        _drawn(wanted, runs)
    chosen: tuple[str, ...] = st.session_state.get(CHOSEN, ())
    there = {run.id for run in runs}
    return tuple(run_id for run_id in chosen if run_id in there)


def choose(ids: Sequence[str]) -> None:
    """Choose rows from elsewhere: the table, which has a choice of its own, begins anew with them."""
    st.session_state[CHOSEN] = tuple(ids)
    st.session_state[TURN] = st.session_state.get(TURN, 0) + 1


def table(runs: Sequence[Run], disk: Disk) -> pd.DataFrame:
    """One row a run."""
    rows = [
        {
            "run": titles.of(run),
            "status": finding.STATUSES[run.status],
            "progress": 1.0 if run.status == "done" else round(run.fraction, 2),
            "asked": run.created.astimezone().replace(tzinfo=None),
            "took": took(run),
            "by": "the project" if finding.is_shipped(run) else run.owner or "–",
            "size": disk.of.get(run.id, 0),
            "tags": list(run.tags),
            "note": run.note or "",
        }
        for run in runs
    ]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def took(run: Run) -> str:
    """How long the latest attempt worked, or works already."""
    if run.started is None or run.status == "queued":
        return ""
    end = run.finished or (datetime.now(UTC) if run.live else None)
    return "" if end is None else duration((end - run.started).total_seconds())


def _wanted(runs: Sequence[Run]) -> Wanted:
    columns = st.columns([2.2, 1.5, 1.5, 1.2, 1.2])
    words = columns[0].text_input(
        "Search",
        placeholder="title, note, tag, error, id, person",
        icon=":material/search:",
        key="runs_words",
    )

    def several(place: int, label: str, options: Sequence[str], names: Mapping[str, str]) -> list[str]:
        picked: list[str] = columns[place].multiselect(
            label,
            options,
            format_func=lambda option: names.get(option, option.replace("_", " ")),
            placeholder="all",
            key=f"runs_{label}",
        )
        return picked

    return Wanted(
        words=words,
        kinds=several(1, "Kind", sorted({run.spec.kind for run in runs}), NOUNS),
        studies=several(2, "Study", sorted({titles.study_name(run.spec.study) for run in runs}), {}),
        statuses=several(
            3, "Status", [s for s in finding.STATUSES if any(r.status == s for r in runs)], finding.STATUSES
        ),
        tags=several(4, "Tag", sorted({tag for run in runs for tag in run.tags}), {}),
    )


@sentences.fragment(run_every=2.0)
def _polled(wanted: Wanted, live: frozenset[str]) -> None:
    if _drawn(wanted, caches.store().list()) != live:
        st.rerun()


def _drawn(wanted: Wanted, runs: Sequence[Run]) -> frozenset[str]:
    """The table; the ids of the live runs."""
    disk = housekeeping.disk(caches.store())
    shown = finding.matching(runs, wanted)
    live = frozenset(run.id for run in runs if run.live)
    st.caption(
        f"{len(shown):,} of {len(runs):,} runs · {len(live)} running or waiting · {bytes_text(disk.total)} on disk. "
        "Choose rows on their left: one to look at it, several to compare them."
    )
    ids = tuple(run.id for run in shown)
    before: tuple[str, ...] = st.session_state.get(CHOSEN, ())
    kept = [place for place, run_id in enumerate(ids) if run_id in before]
    event = st.dataframe(
        table(shown, disk),
        key=f"runs_table_{hash((ids, st.session_state.get(TURN, 0)))}",  # places are of this list: another one is another table
        hide_index=True,
        column_config=COLUMNS,
        on_select="rerun",
        selection_mode="multi-row",
        selection_default={"selection": {"rows": kept, "columns": [], "cells": []}},
        height=min(_HEIGHT, 37 + 35 * max(len(shown), 1)),
        alt="All runs, one a row",
    )
    hidden = tuple(run_id for run_id in before if run_id not in ids)
    chosen = tuple(ids[place] for place in event.selection.rows if place < len(ids))
    if set(chosen) != set(before) - set(hidden) or hidden:
        st.session_state[CHOSEN] = chosen
        st.rerun()
    return live
