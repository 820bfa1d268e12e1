"""A sweep as one thing: how far the whole is, stopping and going on, one table, and every run of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer import jobs
from explorer.evaluation import PerSample
from explorer.jobs import permission, sweeps
from explorer.jobs.kinds.finetune import TESTED
from explorer.jobs.sweeps import Group, Place, Row
from explorer.jobs.telling.finding import STATUSES
from explorer.runs import Run
from explorer.ui.parts import export, run_panel
from explorer.ui.shell import at_work, caches, door, sentences
from explorer.ui.shell.plain import plain

_COLOURS: Mapping[str, str] = {"higher": "color: #12925c", "lower": "color: #d6454e"}
_MOST_ROWS = 8  # runs with buttons of their own
COLUMNS: Mapping[str, Any] = {
    "size": st.column_config.NumberColumn("size (kB)", format="%.1f"),
    "seeds": st.column_config.TextColumn("seeds", help="Done, of those that were asked for."),
    "without": st.column_config.TextColumn(
        "without (%)",
        help="Mean metric on test samples without training; ± is the standard deviation over seeds.",
    ),
    "after": st.column_config.TextColumn(
        "after (%)",
        help="Mean metric on test samples after training; ± is the standard deviation over seeds.",
    ),
    "loss": st.column_config.TextColumn("test loss"),
    "difference": st.column_config.TextColumn(
        "difference (points)",
        help="Of the metric after training from the row it is compared with; ± is its standard error, over seeds and "
        "test samples. It is paired sample by sample where the runs recorded them; where not, the errors are "
        "added, which is more than the true one.",
    ),
    "judged": st.column_config.TextColumn(
        "which is", help="Within noise: at most two standard errors, so nothing can be said of it."
    ),
}


def all_of(runs: Sequence[Run]) -> dict[str, Group]:
    """The sweeps among runs by their tags, the newest first."""
    return {group.tag: group for group in sweeps.groups(runs)}


def panel(group: Group) -> None:
    """Draw a sweep, and poll it while anything of it waits or works."""
    st.header(plain(group.title()))
    if group.live:
        _polled(group.tag, [run.id for run in group.runs])
    else:
        _drawn(group)


def chooser(found: Mapping[str, Group], *, key: str) -> Group | None:
    """Choose one of the sweeps, or none."""
    if not found:
        return None
    if st.session_state.get(key) not in (None, *found):  # of another study
        del st.session_state[key]
    tag = st.selectbox(
        "Sweeps",
        list(found),
        None,
        format_func=lambda each: f"{found[each].title().removeprefix('Sweep · ')} · {each.split()[1][:4]}",
        placeholder=f"{len(found)} to look at",
        key=key,
    )
    return None if tag is None else found[tag]


def table(rows: Sequence[Row], asked: Mapping[Place, Run]) -> pd.DataFrame:
    """One row a plan and recipe, those of which nothing is done included."""
    wanted: dict[tuple[str, str], int] = {}
    for plan, recipe, _ in asked:
        wanted[plan, recipe] = wanted.get((plan, recipe), 0) + 1
    done = {(row.plan, row.method): row for row in rows}
    lines = []
    for (plan, recipe), count in wanted.items():
        row = done.get((plan, recipe))
        line: dict[str, Any] = {"plan": plan, "recipe": recipe, **dict.fromkeys(COLUMNS, "")}
        line |= {"size": None, "seeds": f"0 of {count}"}
        if row is not None:
            _, without, after, loss, difference, judged = row.words()
            line |= {"size": row.size_bytes / 1e3, "seeds": f"{row.runs} of {count}", "without": without}
            line |= {"after": after, "loss": loss, "difference": difference, "judged": judged}
        lines.append(line)
    return pd.DataFrame(lines)


@sentences.fragment(run_every=2.0)
def _polled(tag: str, ids: Sequence[str]) -> None:
    group = Group(tag, tuple(caches.store().get(run_id) for run_id in ids))
    _drawn(group)
    if not group.live:
        st.rerun()


def _drawn(group: Group) -> None:
    left, right = st.columns([3, 2], vertical_alignment="center")
    left.progress(group.fraction, text=group.words())
    with right, st.container(horizontal=True, horizontal_alignment="right"):
        _buttons(group)
    _table(group)
    _members(group)


def _buttons(group: Group) -> None:
    own = [run.id for run in group.live if permission.may_change(run, door.person())]
    st.button(
        "Stop all" if len(own) == len(group.live) else "Stop mine",
        icon=":material/stop_circle:",
        disabled=not own,
        key=f"sweep-stop-{group.tag}",
        on_click=sentences.callback(_stop),
        args=(own,),
    )
    stopped = [run.id for run in group.stopped if permission.may_change(run, door.person())]
    st.button(
        "Continue all that stopped" if len(stopped) == len(group.stopped) else "Continue mine",
        icon=":material/play_arrow:",
        disabled=not stopped,
        help="Each goes on from its last checkpoint.",
        key=f"sweep-resume-{group.tag}",
        on_click=sentences.callback(_resume),
        args=(stopped,),
    )


def _table(group: Group) -> None:
    places = group.places()
    pairs = list(dict.fromkeys((plan, recipe) for plan, recipe, _ in places))
    if not pairs:
        st.caption("The trainings of this sweep were asked for by another version, which had other options.")
        return
    against = pairs[0]
    if len(pairs) > 1:
        against = st.selectbox(
            "Compared with", pairs, format_func=" · ".join, key=f"sweep-against-{group.tag}", width=420
        )
    frame = table(sweeps.summarised(places, _samples, against=against), places)
    st.dataframe(
        frame.style.map(lambda word: _COLOURS.get(word, ""), subset=["judged"]),
        hide_index=True,
        column_config=COLUMNS,
        height=38 + 35 * min(len(frame), 12),
        alt="One row a plan and recipe: metric and loss over seeds, and the difference from one of them",
    )
    export.table(frame, key=f"sweep-table-{group.tag}", name=group.tag)


def _members(group: Group) -> None:
    """Every run by itself: those that are not done with what can be done about them."""
    open_ones = [(place, run) for place, run in group.places().items() if run.status != "done"]
    if not open_ones:
        return
    with st.expander(f"Its {len(open_ones)} runs that are not done", icon=":material/list:"):
        for place, run in open_ones[:_MOST_ROWS]:
            left, right = st.columns([5, 1], vertical_alignment="center")
            words = f"{place.plan} · {place.recipe} · seed {place.seed}: {STATUSES[run.status]}"
            left.progress(min(max(run.fraction, 0.0), 1.0), text=plain(words))
            with right:
                if run.live:
                    at_work.stop_button(run, key=f"sweep-cancel-{run.id}", width="stretch")
                elif run.resumable:
                    st.button(
                        "Continue",
                        key=f"sweep-continue-{run.id}",
                        width="stretch",
                        disabled=not permission.may_change(run, door.person()),
                        on_click=sentences.callback(_resume),
                        args=([run.id],),
                    )
        if len(open_ones) > _MOST_ROWS:
            st.caption(f"and {len(open_ones) - _MOST_ROWS} more, each on the Runs page")


def _stop(ids: Sequence[str]) -> None:
    """Those that wait first, so that none takes the place of one that was stopped."""
    waiting = [run_id for run_id in ids if caches.store().get(run_id).status == "queued"]
    caches.store().queue.drop(waiting)
    for run_id in ids:
        run = caches.store().get(run_id)
        if run.live:
            permission.check(run, door.person())
            jobs.stop(caches.store(), run_id)


def _resume(ids: Sequence[str]) -> None:
    for run_id in ids:
        run_panel.resume(run_id)


def _samples(run: Run) -> PerSample | None:
    name = run.artifacts.get(TESTED)
    return None if name is None else _read(name, run)


@st.cache_data(show_spinner=False, max_entries=256)
def _read(name: str, _run: Run) -> PerSample | None:
    """By the hash of what was kept, since a page that polls asks for it every two seconds."""
    return sweeps.recorded(caches.store())(_run)
