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


def traces() -> Run | None:
    """Finished traces that the picture shows: of the current network rather than of the default one."""
    found = caches.store().list(kind="traces")
    for name in dict.fromkeys((session.reference(), studies.DEFAULT)):
        for run in found:
            parameters = run.spec.parameters
            usual = "granularity" not in parameters and "of" not in parameters  # weights, layer by layer
            if run.spec.study == name and usual and run.status == "done":
                return run
    return None


def picture(run: Run) -> None:
    """Draw sensitivity, and the bits of the plan that was trained last on the same network."""
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
