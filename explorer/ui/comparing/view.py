"""Any number of plans and runs in one table and across parallel axes; a brush on the axes filters both."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from explorer import reports
from explorer.figures.plans import parallel
from explorer.jobs.telling import candidates
from explorer.jobs.telling.candidates import Candidate
from explorer.studies import AnyStudy
from explorer.ui.comparing import brushes, rows
from explorer.ui.parts import export
from explorer.ui.shell import caches, session, yardstick
from explorer.ui.state import address
from explorer.ui.state.address import Codec

_CHART, _CHOSEN = "compare_lines", "compare_rows"
_FIRST = 6  # runs that are compared before anybody chooses
_SEPARATOR = "~"
# Plotly draws these axes in black with white shadows, whatever the page.
_STYLE = """<style>
.st-key-compare_lines .axis .domain, .st-key-compare_lines .axis .tick line {stroke: #808896 !important;}
.st-key-compare_lines .js-plotly-plot text {text-shadow: none !important;}
</style>"""
COLUMNS: Mapping[str, Any] = {
    "name": st.column_config.TextColumn("name", width=300, pinned=True),
    "kind": st.column_config.TextColumn("kind", width=95),
    "size": st.column_config.NumberColumn("size (kB)", format="%.1f"),
    "omega": st.column_config.NumberColumn("predicted Ω", format="%.3g"),
    "omega_error": st.column_config.NumberColumn("± s.e. of Ω", format="%.1g"),
    "loss": st.column_config.NumberColumn("test loss", format="%.4f"),
    "loss_error": st.column_config.NumberColumn("± s.e. of loss", format="%.4f"),
    "latency": st.column_config.NumberColumn("latency (ms)", format="%.3g"),
    "stands out in": st.column_config.TextColumn(
        "stands out in",
        help="Best: every other one is worse by more than two standard errors of the difference. As good as the best: the "
        "difference is within them, so it is no gain.",
    ),
}


def show(study: AnyStudy) -> None:
    """Choose, compare, export and report."""
    st.html(_STYLE)
    st.header("Compare")
    offered = rows.offered(study)
    chosen = _choose(study, offered)
    differing = st.toggle(
        "Differences only",
        key=address.switch("compare_differences", "differ", default=True),
        help="Leaves out blocks and numbers that are the same in all; blocks that differ alike share a column.",
    )
    if len(chosen) < 2:
        st.info("Choose two or more plans or runs to see them side by side.", icon=":material/info:")
        return
    view = _view(chosen, study, differing=differing)
    if len(view.axes) > 1:
        export.chart(
            parallel.figure(view),
            key=_CHART,
            name="compare",
            alt=parallel.alt(view),
            table=lambda: rows.table(chosen, study, all_of=chosen, differing=False),
        )
        brushes.attach(_CHART, view)
    drawn = brushes.current(view)
    shown = candidates.within(chosen, drawn)
    frame = rows.table(shown, study, all_of=chosen, differing=differing)
    hidden = len(chosen) - len(shown)
    st.caption(
        "Draw over a stretch of an axis to keep the lines through it, here and in the table; click the axis to take the "
        "brush away." + (f" **{hidden} of {len(chosen)} are hidden by it.**" if hidden else "")
    )
    counted = st.column_config.NumberColumn(f"{study.metric.name} (%)", format="%.2f")
    st.dataframe(
        frame, hide_index=True, column_config={**COLUMNS, "accuracy": counted}, alt="One row a plan or run"
    )
    export.table(frame, key="compare_rows_table", name="compare", plain=lambda: _json(shown))
    st.caption(
        f"{yardstick.current().label}; {study.metric.name} and loss are on the test samples, ± one standard error. Errors are added "
        "as if each had looked at other samples."
    )
    _report(study, chosen)


def _choose(study: AnyStudy, offered: dict[str, Candidate]) -> list[Candidate]:
    def candidate(key: str) -> Candidate | None:
        return offered.get(key) or rows.spelled_out(study, key)

    def read(text: str) -> list[str]:
        keys = [each for each in text.split(_SEPARATOR) if each]
        known = [each for each in keys if candidate(each) is not None]
        if len(known) < len(keys) or len(keys) > rows.MOST:
            raise ValueError(text)
        return known

    runs = [key for key, each in offered.items() if each.kind == "finetune"][:_FIRST]
    plans = [key for key, each in offered.items() if each.kind == "plan"]
    codec = Codec(_SEPARATOR.join, read, lambda keys: all(candidate(key) is not None for key in keys))
    usual = [*plans[: max(1, 3 - len(runs))], *runs]
    key = address.bind(f"{_CHOSEN}_{study.name}", "rows", codec, usual, always=True)
    options = {**offered}
    for each in st.session_state[key]:
        if (found := candidate(each)) is not None:
            options.setdefault(each, found)
    picked = st.multiselect(
        "Plans and runs",
        list(options),
        format_func=lambda each: options[each].name,
        max_selections=rows.MOST,
        placeholder="Choose",
        key=key,
    )
    return [options[each] for each in picked]


def _view(chosen: Sequence[Candidate], study: AnyStudy, *, differing: bool) -> parallel.View:
    widths = candidates.all_widths(chosen, study)
    groups = candidates.together(
        {n: pairs for n, pairs in widths.items() if not differing or len(set(pairs)) > 1}
    )
    numbers: dict[str, list[float | None]] = {
        quantity: [None if (of := each.value(quantity)) is None else of.value for each in chosen]
        for quantity in parallel.QUANTITIES
    }
    lines = {blocks: [weights for weights, _ in pairs] for blocks, pairs in groups.items()}
    return parallel.view([each.name for each in chosen], lines, numbers, study.metric.name)


def _json(shown: Sequence[Candidate]) -> bytes:
    return json.dumps([each.to_json() for each in shown], indent=1, ensure_ascii=False).encode()


def _report(study: AnyStudy, chosen: Sequence[Candidate]) -> None:
    """The button that writes a report of what is compared."""
    blocks = session.blocks()
    plans = [(each.plan.named(each.name[:80]), blocks) for each in chosen if each.kind == "plan"]
    runs = [each.key.removeprefix("run:") for each in chosen if each.kind != "plan"]
    st.download_button(
        "Report (HTML)",
        lambda: reports.report(study, caches.store(), plans=plans, runs=runs).encode(),
        f"{export.file_name('report')}.html",
        "text/html",
        icon=":material/description:",
        key="compare_report",
        on_click="ignore",
        help="One file that stands alone: study, traces, frontier, training, results, and how to compute it again. Opens "
        "without this app and without a network; print it from the browser.",
    )
