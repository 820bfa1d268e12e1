"""Deleting runs so that it can be undone: the button, what is said afterwards, and the runs that are kept a week."""

from collections.abc import Sequence

import streamlit as st

from explorer.figures.look import bytes_text
from explorer.jobs import housekeeping, permission
from explorer.jobs.telling import titles
from explorer.runs import Run
from explorer.ui.shell import caches, door, sentences
from explorer.ui.shell.plain import plain

_JUST = "runs_just_deleted"


def button(runs: Sequence[Run]) -> None:
    """Delete these runs, which takes one click and another one to undo."""
    live = any(run.live for run in runs)
    foreign = not all(permission.may_change(run, door.person()) for run in runs)
    words = "It can be undone for a week."
    if foreign:
        words = "Only who asked for a run, or whoever runs this app, deletes it."
    elif live:
        words = "Stop it first."
    st.button(
        "Delete" if len(runs) == 1 else f"Delete {len(runs)} runs",
        icon=":material/delete:",
        disabled=live or foreign,
        help=words,
        key=f"delete-{len(runs)}-{runs[0].id}",
        on_click=sentences.callback(_delete),
        args=([run.id for run in runs],),
    )


def undo() -> None:
    """What was deleted last, with the way back."""
    just: list[str] = st.session_state.get(_JUST, [])
    gone = [run for run in caches.store().shelf.deleted() if run.id in just] if just else []
    if not gone:
        return
    with st.container(horizontal=True, vertical_alignment="center", key="runs_undo"):
        what = titles.of(gone[0]) if len(gone) == 1 else f"{len(gone)} runs"
        st.markdown(f":material/delete: Deleted: {plain(what)}")
        st.button(
            "Undo",
            icon=":material/undo:",
            key="undo-delete",
            on_click=sentences.callback(_restore),
            args=([run.id for run in gone],),
        )


def kept() -> None:
    """The deleted runs, to be restored or removed for good."""
    gone = caches.store().shelf.deleted()
    if not gone:
        return
    disk = housekeeping.disk(caches.store())
    taken = bytes_text(sum(disk.of.get(run.id, 0) for run in gone))
    with st.expander(f"Deleted runs ({len(gone)}, {taken})", icon=":material/delete:"):
        st.caption("Each is kept for a week after it was deleted, unless the same is computed again.")
        ids = [run.id for run in gone]
        names = {run.id: titles.of(run) for run in gone}
        picked = st.multiselect(
            "Deleted runs",
            ids,
            format_func=names.__getitem__,
            placeholder="all",
            label_visibility="collapsed",
        )
        with st.container(horizontal=True):
            st.button(
                "Restore",
                icon=":material/undo:",
                on_click=sentences.callback(_restore),
                args=(picked or ids,),
            )
            st.button(
                "Remove for good",
                icon=":material/delete_forever:",
                on_click=sentences.callback(_remove),
                args=(picked or ids,),
                disabled=not picked,
                help="Frees the disk and cannot be undone: choose which ones.",
            )


def _delete(ids: Sequence[str]) -> None:
    _check(ids, to="delete")
    caches.store().shelf.put_away(ids)
    st.session_state[_JUST] = list(ids)


def _restore(ids: Sequence[str]) -> None:
    caches.store().shelf.restore(ids)


def _remove(ids: Sequence[str]) -> None:
    _check(ids, to="remove")
    for run_id in ids:
        caches.store().delete(run_id)


def _check(ids: Sequence[str], *, to: str) -> None:
    for run_id in ids:
        permission.check(caches.store().get(run_id), door.person(), to=to)
