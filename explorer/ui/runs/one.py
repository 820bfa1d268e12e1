"""One run: how it went, what it was asked, what people say of it, and what can be done with it."""

import streamlit as st

from explorer.jobs import housekeeping, permission
from explorer.jobs.telling import comparison, headlines, titles
from explorer.runs import Run
from explorer.ui.parts import run_panel
from explorer.ui.runs import again, deleting, metrics
from explorer.ui.shell import caches, door, opening
from explorer.ui.shell.plain import plain

LOG_LINES = 200


def show(run: Run) -> None:
    """Draw it under the list."""
    st.header(plain(titles.of(run)))
    run_panel.watch(run.id, lambda _: None)
    _log(run)
    _actions(run)
    left, right = st.columns([1, 1.4], gap="large")
    with left:
        _described(run)
        again.show(run)
    with right:
        _facts(run)


def _actions(run: Run) -> None:
    page = opening.page_of(run)
    with st.container(horizontal=True):
        missing = None if page else "This app was not started with the study of this run."
        if st.button(
            f"Open on {page}" if page else "Open its page",
            icon=":material/open_in_new:",
            disabled=page is None,
            help=missing,
            key=f"open-{run.id}",
        ):
            opening.go(run)
        deleting.button([run])


def _described(run: Run) -> None:
    with st.form(f"describe-{run.id}", border=True):
        name = st.text_input("Name", run.name or "", placeholder=titles.of_spec(run.spec) or run.title)
        tags = st.multiselect(
            "Tags",
            sorted({tag for each in caches.store().list() for tag in each.tags} | set(run.tags)),
            run.tags,
            accept_new_options=True,
            placeholder="none",
        )
        note = st.text_area("Note", run.note or "", height=80)
        may = permission.may_change(run, door.person())
        if st.form_submit_button("Save", icon=":material/save:", disabled=not may):
            permission.check(run, door.person(), to="describe")
            caches.store().shelf.describe(run.id, name=name, note=note, tags=tags)
            st.rerun()


def _facts(run: Run) -> None:
    found = [(number.name, number.text) for number in headlines.of(run, metrics.of([run]))]
    asked = [(line.name, line.values[0]) for line in comparison.asked(run)]
    made = [] if run.provenance is None else list(run.provenance.to_json().items())
    told = {"Found": found, "Asked": asked, "Made by": [(k, str(v)) for k, v in made if v]}
    tabs = [name for name, rows in told.items() if rows]
    if not tabs:
        return
    for tab, name in zip(st.tabs(tabs), tabs, strict=True):
        with tab:
            st.dataframe(
                [{"": what, "value": value} for what, value in told[name]],
                hide_index=True,
                height=min(250, 37 + 35 * len(told[name])),
                alt=f"{name}: one row a value",
            )


def _log(run: Run) -> None:
    path = caches.store().log_path(run.id)
    if not path.is_file():
        return
    with st.expander("Log", expanded=False, icon=":material/terminal:"):
        st.code(
            housekeeping.end_of_log(caches.store(), run, LOG_LINES) or "(empty)", language=None, height=240
        )
