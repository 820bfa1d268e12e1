"""Runs on a page: progress while they work, stop and resume, and what went wrong in a sentence."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from explorer import jobs
from explorer.jobs import permission, request, versions
from explorer.jobs.telling import titles
from explorer.runs import Run, RunSpec
from explorer.ui.shell import at_work, caches, door, sentences, session
from explorer.ui.shell.plain import plain

NOT_YOURS = "Only who asked for the run, or whoever runs this app, continues it; with other settings it is a run of your own."


def watch(run_id: str, draw: Callable[[Run], None]) -> None:
    """Show a run and poll it while it lives; ``draw`` shows what there is of it so far.

    When the run ends, the whole page is run again once, so that everything that uses its result appears.
    """
    watch_all([run_id], lambda runs: draw(runs[0]))


def watch_all(run_ids: Sequence[str], draw: Callable[[Sequence[Run]], None]) -> None:
    """Show several runs in one picture, as `watch` shows one."""
    live = {run_id for run_id in run_ids if caches.store().get(run_id).live}
    if live:
        _polled(run_ids, live, draw)
    else:
        _shown(run_ids, draw)


def missing(asked: Mapping[str, RunSpec]) -> list[str]:
    """Names of the runs that were never begun, or stopped on their way."""
    runs = {name: caches.store().find(spec) for name, spec in asked.items()}
    return [
        name
        for name, run in runs.items()
        if run is None or run.resumable or run.status == "unreadable"  # asking for it says what is wrong
    ]


def compute(
    asked: Mapping[str, RunSpec],
    *,
    there: str,
    label: str = "Compute",
    key: str | None = None,
    besides: Sequence[RunSpec] = (),
    parts: Mapping[str, str] | None = None,
) -> None:
    """The button that starts what was never begun; what stopped is continued by the button beside its message.

    Args:
        asked: what each is called on this page, to its spec.
        there: what is said where nothing is missing.
        besides: begun with them, where they never were; they alone do not make the button one to press.
        parts: of the study that they are of, where it is not the current one.
    """
    runs = {name: caches.store().find(asked[name]) for name in missing(asked)}
    lacking = [name for name, run in runs.items() if run is None or not run.resumable]
    if len(lacking) < len(runs):
        there = "It stopped on its way: press Continue."
    pressed = st.button(
        label,
        type="primary",
        icon=":material/play_arrow:",
        disabled=not lacking,
        help=None if lacking else there,
        key=key,
    )
    if pressed:
        further = [spec for spec in besides if caches.store().find(spec) is None]
        begin([*(asked[name] for name in lacking), *further], parts)


def begin(specs: Sequence[RunSpec], parts: Mapping[str, str] | None = None) -> None:
    """Ask for runs of the current study, or of the one that has these parts, and draw the page again."""
    owner = door.person().name
    for spec in specs:
        request(caches.store(), spec, parts=session.study().parts if parts is None else parts, owner=owner)
    st.rerun()


def resume(run_id: str) -> None:
    """Continue a stopped run; where it is one of the current study, with that from where it is now.

    Raises:
        AccessError: the run is another person's.
    """
    run = caches.store().get(run_id)
    permission.check(run, door.person(), to="continue")
    here = session.study()
    own = run.spec.fingerprint == here.fingerprint
    jobs.resume(caches.store(), run_id, study=here.reference if own else None)


def ended_early(run: Run) -> str:
    """Why a run is not done, in a sentence, and what is left of it."""
    if run.status == "cancelled":
        return f"Stopped at {run.fraction:.0%}; what was computed is kept."
    if run.status == "failed":
        return f"Failed at {run.fraction:.0%}: {run.error or 'no reason was recorded.'}"
    return f"Interrupted at {run.fraction:.0%}: {run.error or 'its process ended before it was done.'}"


@sentences.fragment(run_every=1.0)
def _polled(run_ids: Sequence[str], live: set[str], draw: Callable[[Sequence[Run]], None]) -> None:
    if {run.id for run in _shown(run_ids, draw) if run.live} != live:
        st.rerun()


def _shown(run_ids: Sequence[str], draw: Callable[[Sequence[Run]], None]) -> Sequence[Run]:
    runs = [caches.store().get(run_id) for run_id in run_ids]
    for run in runs:
        name = f"{titles.of(run)}: " if len(runs) > 1 else ""
        _status(run, name)
        if (note := versions.remark(run)) is not None:
            st.caption(plain(name + note))
    draw(runs)
    return runs


def _status(run: Run, name: str) -> None:
    if run.live:
        left, right = st.columns([5, 1], vertical_alignment="center")
        left.progress(min(max(run.fraction, 0.0), 1.0), text=plain(name + (run.message or run.status)))
        with right:
            at_work.stop_button(run, key=f"panel-cancel-{run.id}", width="stretch")
    elif run.resumable:
        left, right = st.columns([5, 1], vertical_alignment="center")
        show = left.info if run.status == "cancelled" else left.warning
        show(plain(name + ended_early(run)))
        may = permission.may_change(run, door.person())
        if right.button(
            "Continue",
            key=f"panel-resume-{run.id}",
            type="primary",
            width="stretch",
            disabled=not may,
            help=None if may else NOT_YOURS,
        ):
            resume(run.id)
            st.rerun()
    elif run.status == "unreadable":
        st.warning(plain(name + (run.error or "")))
