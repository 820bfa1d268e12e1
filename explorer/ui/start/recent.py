"""What of the store the start page shows: the picture's numbers, and what a person worked on last."""

from typing import Any

import streamlit as st

from explorer import studies
from explorer.figures.plans import story
from explorer.jobs.telling import finding, titles
from explorer.runs import Run
from explorer.ui.shell import caches, opening, session
from explorer.ui.shell.plain import plain

MOST_SHOWN = 3
_BY_ITSELF = "evaluate"  # the app asks for the accuracy of every network


def traces() -> list[Run]:
    """Finished traces of the current network, then of the default one, the newest first: one may be the picture's."""
    found = [run for run in caches.store().list(kind="traces") if run.status == "done" and _is_usual(run)]
    names = dict.fromkeys((session.reference(), studies.DEFAULT))
    return [run for name in names for run in found if run.spec.study == name]


def _current(found: list[Run]) -> Run | None:
    """The first of them whose study is still as it was; the studies are loaded, which takes a moment."""
    known = {name: caches.study(name).fingerprint for name in {run.spec.study for run in found}}
    return next((run for run in found if run.spec.fingerprint == known[run.spec.study]), None)


def _is_usual(run: Run) -> bool:
    """Whether it is of weights, layer by layer."""
    return not {"granularity", "of"} & run.spec.parameters.keys()


def picture(found: list[Run]) -> None:
    """Draw sensitivity, and the bits of the plan that was trained last on the same network."""
    run = _current(found)
    if run is None:
        return
    blocks = (run.result or {}).get("blocks", [])
    bits = _trained_bits(run)
    bars = story.view([(block["name"], block["mean_trace"]) for block in blocks], bits)
    if not bars:
        return
    st.plotly_chart(story.figure(bars), key="story", alt=story.alt(bars), config={"displayModeBar": False})
    st.caption(
        "Each bar is a block of the network. Sensitive blocks keep more bits"
        + (": the number above a bar is what a plan of this network gives it." if bits else ".")
    )


def _trained_bits(traces: Run) -> dict[str, int]:
    for run in caches.store().list(fingerprint=traces.spec.fingerprint, kind="finetune"):
        plan: Any = run.spec.parameters["plan"]
        if run.status == "done":
            return {name: block["w_bits"] for name, block in plan["blocks"].items()}
    return {}


def resume() -> None:
    """The runs a person asked for last, each with the way to its page."""
    offered = {card.name for card in session.offered() if card.available}
    runs = [
        run
        for run in caches.store().list()
        if run.spec.kind in opening.PAGES
        and run.spec.kind != _BY_ITSELF
        and run.spec.study in offered
        and not finding.is_shipped(run)
    ][:MOST_SHOWN]
    if not runs:
        return
    with st.container(key="way_back"):
        _offer(runs)


def _offer(runs: list[Run]) -> None:
    st.header("Continue where you left off", anchor=False)
    for run in runs:
        state = finding.STATUSES[run.status] + (f" {run.fraction:.0%}" if run.live else "")
        words = f"{titles.of(run)}: {state}"
        if st.button(plain(words), key=f"resume_{run.id}", type="tertiary", icon=":material/history:"):
            opening.go(run)
