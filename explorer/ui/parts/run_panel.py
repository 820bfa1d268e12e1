"""Runs on a page: progress while they work, stop and resume, and what went wrong in a sentence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from explorer import jobs
from explorer.jobs import permission, request, stop, versions
from explorer.runs import Run, RunSpec
from explorer.ui.shell import caches, door, sentences, session
from explorer.ui.shell.plain import plain


@dataclass(frozen=True)
class Words:
    """Labels of a run's buttons, and what is said of one that was stopped."""

    stop: str = "Cancel"
    resume: str = "Resume"
    stopped: str = "This run stopped at {fraction:.0%}: it was cancelled"


PAUSING = Words("Pause", "Continue", "Paused at {fraction:.0%}; the samples drawn so far are kept.")


def watch(run_id: str, draw: Callable[[Run], None]) -> None:
    """Show a run and poll it while it lives; ``draw`` shows what there is of it so far.

    When the run ends, the whole page is run again once, so that everything that uses its result appears.
    """
    watch_all([run_id], lambda runs: draw(runs[0]))


def watch_all(
    run_ids: Sequence[str], draw: Callable[[Sequence[Run]], None], words: Words | None = None
) -> None:
    """Show several runs in one picture, as `watch` shows one."""
    words = words or Words()
    live = {run_id for run_id in run_ids if caches.store().get(run_id).live}
    if live:
        _polled(run_ids, live, draw, words)
    else:
        _shown(run_ids, draw, words)


def missing(asked: Mapping[str, RunSpec]) -> list[str]:
    """Titles of the runs that were never begun, or stopped on their way."""
    runs = {title: caches.store().find(spec) for title, spec in asked.items()}
    return [
        title
        for title, run in runs.items()
        if run is None or run.resumable or run.status == "unreadable"  # asking for it says what is wrong
    ]


def compute(
    asked: Mapping[str, RunSpec], *, there: str, label: str = "Compute", key: str | None = None
) -> None:
    """The button that starts what is missing, and continues what stopped.

    Args:
        asked: title to spec, one a run.
        there: what is said where nothing is missing.
    """
    lacking = missing(asked)
    pressed = st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        disabled=not lacking,
        help=None if lacking else there,
        key=key,
    )
    if not pressed:
        return
    owner = door.person().name
    for title in lacking:
        run = caches.store().find(asked[title])
        if run is not None and run.resumable:
            resume(run.id)
        else:
            request(caches.store(), asked[title], title=title, parts=session.study().parts, owner=owner)
    st.rerun()


def resume(run_id: str) -> None:
    """Continue a stopped run, with the current study from where it is now."""
    jobs.resume(caches.store(), run_id, study=session.study().reference)


@sentences.fragment(run_every=1.0)
def _polled(
    run_ids: Sequence[str], live: set[str], draw: Callable[[Sequence[Run]], None], words: Words
) -> None:
    if {run.id for run in _shown(run_ids, draw, words) if run.live} != live:
        st.rerun()


def _shown(run_ids: Sequence[str], draw: Callable[[Sequence[Run]], None], words: Words) -> Sequence[Run]:
    runs = [caches.store().get(run_id) for run_id in run_ids]
    for run in runs:
        name = f"{run.title}: " if len(runs) > 1 and run.title else ""
        _status(run, words, name)
        if (note := versions.remark(run)) is not None:
            st.caption(plain(name + note))
    draw(runs)
    return runs


def _status(run: Run, words: Words, name: str) -> None:
    store = caches.store()
    if run.live:
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.progress(min(max(run.fraction, 0.0), 1.0), text=plain(name + (run.message or run.status)))
        if right.button(
            words.stop,
            key=f"panel-cancel-{run.id}",
            disabled=run.status == "cancelling" or not permission.may_end(run, door.person()),
            width="stretch",
        ):
            permission.check(run, door.person())
            stop(store, run.id)
            st.rerun(scope="fragment")
    elif run.resumable:
        sentences = {
            "failed": f"This run stopped at {run.fraction:.0%}: {run.error or 'it failed'}",
            "cancelled": words.stopped.format(fraction=run.fraction),
            "lost": f"This run stopped at {run.fraction:.0%}: {run.error or 'its process ended before it was done'}",
        }
        left, right = st.columns([5, 1], vertical_alignment="center")
        show = left.info if run.status == "cancelled" and words is PAUSING else left.warning
        show(plain(name + sentences[run.status]))
        if right.button(words.resume, key=f"panel-resume-{run.id}", type="primary", width="stretch"):
            resume(run.id)
            st.rerun()
    elif run.status == "unreadable":
        st.warning(name + (run.error or ""))
