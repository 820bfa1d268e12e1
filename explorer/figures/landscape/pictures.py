"""The loss round the trained weights: lines, contours and surfaces, and the small picture blocks are picked from."""

from collections.abc import Mapping, Sequence

import plotly.graph_objects as go

from explorer.figures import block_axis, look
from explorer.figures.landscape.lines import lines
from explorer.figures.landscape.planes import contours, surfaces
from explorer.figures.landscape.views import View, view

_TITLES = 46  # pixels of two lines over a panel
_ROW = 20  # pixels of a block in the strip

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


def strip(mean_traces: Mapping[str, float], chosen: Sequence[str] = ()) -> go.Figure:
    """The mean trace of every block in small, to pick blocks from; a click returns the name as ``customdata``.

    Blocks that are chosen have a tick before their name, and another colour.
    """
    names = list(mean_traces)
    made = look.blank(70 + _ROW * len(names))
    made.add_bar(
        y=list(range(len(names))),
        x=[abs(value) for value in mean_traces.values()],
        orientation="h",
        marker={"color": [look.ACCENT if name in chosen else look.WEIGHTS for name in names]},
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        customdata=[[name] for name in names],
        hovertext=[
            f"<b>{name}</b><br>mean trace {value:.3g}<br>click to {'take away' if name in chosen else 'add'}"
            for name, value in mean_traces.items()
        ],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    texts = block_axis.short(names)
    made.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[f"✓ {text}" if name in chosen else text for name, text in zip(names, texts, strict=True)],
        range=[len(names) - 0.4, -0.6],
        showgrid=False,
        ticks="",
    )
    made.update_xaxes(
        type="log",
        title={"text": "mean trace, Tr(H)/n (log)<br>click a block to add it or take it away"},
        exponentformat="power",
        nticks=3,
    )
    made.update_layout(margin={"l": 4, "r": 8, "t": 4, "b": 4}, dragmode=False)
    return made
