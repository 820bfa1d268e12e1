"""The loss round the trained weights: lines, contours and surfaces, and the small picture blocks are picked from."""

from collections.abc import Mapping

import plotly.graph_objects as go

from explorer.figures import look
from explorer.figures.landscape.lines import lines
from explorer.figures.landscape.planes import contours, surfaces
from explorer.figures.landscape.views import View, view

_TITLES = 56  # pixels of two lines over a panel

__all__ = ["View", "figure", "strip", "view"]


def figure(view: View, *, relief: bool = False, height: int = 520, revision: str = "landscape") -> go.Figure:
    """Lines, contours, or with ``relief`` surfaces; ``revision`` changes when zoom and camera should start anew."""
    level = bool(view.panels) and view.panels[0].height.ndim == 1
    draw = lines if level else surfaces if relief else contours
    made = draw(view, height if level or relief else height + 50)
    # Above the panels' titles; Plotly makes room for as many lines as the legend takes.
    below = 70 if level else 90 if relief else 150
    above = 1 + _TITLES / (made.layout.height - 90 - below)
    return made.update_layout(uirevision=revision, margin={"t": 90, "b": below}, legend={"y": above})


def strip(mean_traces: Mapping[str, float]) -> go.Figure:
    """The mean trace of every block in small, to pick blocks from; a click returns the name as ``customdata``."""
    made = look.blank(120)
    made.add_bar(
        x=list(mean_traces),
        y=[abs(value) for value in mean_traces.values()],
        marker={"color": look.WEIGHTS},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=[[name] for name in mean_traces],
        hovertemplate="<b>%{x}</b><br>mean trace %{y:.3g}<extra>click to add or take away</extra>",
    )
    made.update_xaxes(showticklabels=False, ticks="", title={"text": "click a block", "font": {"size": 12}})
    made.update_yaxes(
        type="log", title={"text": "Tr(H)/n", "font": {"size": 12}}, exponentformat="power", nticks=4
    )
    made.update_layout(margin={"t": 4, "b": 24}, dragmode=False)
    return made
