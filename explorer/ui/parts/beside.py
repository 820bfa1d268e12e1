"""A picture with its controls in a column at the left, so that both are on the screen."""

from collections.abc import Mapping, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from explorer.runs import RunSpec
from explorer.ui.parts import run_panel
from explorer.ui.shell import caches

WIDTH = 260


def columns(key: str) -> tuple[DeltaGenerator, DeltaGenerator]:
    """The column of the controls and that of the picture."""
    with st.container(horizontal=True, gap="medium", wrap=False, key=f"beside_{key}"):
        controls = st.container(width=WIDTH, gap="small", key=f"controls_{key}")
        picture = st.container(width="stretch", gap="small", key=f"picture_{key}")
    return controls, picture


def watched(key: str) -> DeltaGenerator:
    """Room for runs that are watched and what they draw in `drawn`, which stands above their progress.

    So the picture stays where it is when a run starts, and when it ends.
    """
    return st.container(gap="small", key=f"watched_{key}")


def drawn(key: str) -> DeltaGenerator:
    """Room for the picture and its words, within `watched`."""
    return st.container(gap="small", key=f"drawn_{key}")


def compute(
    asked: Mapping[str, RunSpec],
    *,
    there: str,
    label: str = "Compute",
    key: str,
    besides: Sequence[RunSpec] = (),
) -> None:
    """`run_panel.compute` with a label that says how things stand where nothing is missing."""
    if not run_panel.missing(asked):
        runs = [caches.store().find(spec) for spec in asked.values()]
        label = "Running" if any(run is not None and run.live for run in runs) else "Computed"
    run_panel.compute(asked, there=there, label=label, key=key, besides=besides)
