"""Brushes: stretches of the axes of parallel coordinates that a person draws over, as the browser reports them.

Plotly keeps them and greys the other lines out by itself; Python is told, so that the table shows the same. The figure
does not depend on them, or each brush would draw it anew without the others. They last as long as the axes and lines
are the same.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from explorer.figures.plans.parallel import View, drawn_range
from explorer.ui.shell import sentences

Ranges = Mapping[str, Sequence[tuple[float, float]]]
_KEPT = "compare_brushes"
_JS = Path(__file__).with_suffix(".js")


def attach(chart: str, view: View) -> None:
    """Listen to the chart with this key, which shows the view."""
    key = f"{chart}_brushes"

    def brushed() -> None:
        said: Mapping[str, Any] | None = st.session_state[key].brushed
        if said is not None:
            st.session_state[_KEPT] = (view, ranges(view, said))

    _component()(key=key, data={"chart": chart}, height=1, on_brushed_change=sentences.callback(brushed))


def current(view: View) -> Ranges:
    """The brushes on the picture of a view; none where another one was drawn since."""
    of, found = st.session_state.get(_KEPT, (None, {}))
    return found if of == view else {}


def ranges(view: View, said: Mapping[str, Any]) -> Ranges:
    """Brushes in the units of the values, from what the browser says: axis to stretches as they are drawn."""
    axes = {axis.name: axis for axis in view.axes}
    return {
        name: [drawn_range(axes[name], (float(low), float(high))) for low, high in stretches]
        for name, stretches in said.items()
        if name in axes
    }


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("explorer_brushes", js=_JS.read_text(encoding="utf-8"))
