"""The loss along a line: measured with its band, predicted, and the bit widths."""

import math

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look
from explorer.figures.landscape.parts import (
    MEASURED,
    PREDICTED,
    along,
    grid,
    places,
    ring_style,
    rings_of,
    tall,
)
from explorer.figures.landscape.views import View


def lines(view: View, height: int) -> go.Figure:
    """One panel a block."""
    made = grid(view, shared_yaxes="all")
    for panel, row, column in places(view):
        first, known = (row, column) == (1, 1), np.isfinite(panel.height)
        steps = panel.steps[known]
        made.add_scatter(
            x=np.concatenate([steps, steps[::-1]]),
            y=np.concatenate([panel.high[known], panel.low[known][::-1]]),
            fill="toself",
            fillcolor=look.faded(MEASURED, 0.22),
            line={"width": 0},
            hoverinfo="skip",
            mode="lines",
            name="± 1 s.e.",
            legendgroup="band",
            showlegend=first,
            row=row,
            col=column,
        )
        made.add_scatter(
            x=steps,
            y=panel.height[known],
            mode="lines+markers",
            line={"color": MEASURED, "width": 2.5},
            marker={"size": 4},
            name="measured",
            legendgroup="measured",
            showlegend=first,
            hovertemplate="measured, step %{x:.3g}<br>" + view.title + " %{y:.4g}<extra></extra>",
            row=row,
            col=column,
        )
        made.add_scatter(
            x=panel.steps,
            y=panel.predicted,
            mode="lines",
            line={"color": PREDICTED, "width": 2, "dash": "dash"},
            name="quadratic",
            legendgroup="predicted",
            showlegend=first,
            hovertemplate="quadratic, step %{x:.3g}<br>" + view.title + " %{y:.4g}<extra></extra>",
            row=row,
            col=column,
        )
        made.update_xaxes(title=along(panel.axes[0]), row=row, col=column)
    for ring, row, column, legend in rings_of(view):
        made.add_scatter(x=[ring.at[0]], y=[ring.height], row=row, col=column, **ring_style(ring, legend))
    made.update_xaxes(range=[-1.04 * view.radius, 1.04 * view.radius])
    made.update_yaxes(title=view.title, col=1)
    if view.log:
        exponents = (math.log10(view.floor) - 0.2, math.log10(view.ceiling) + 0.2)
        made.update_yaxes(type="log", dtick=1, exponentformat="power", range=exponents)
    else:
        low, high = view.heights[0], view.ceiling
        room = 0.06 * (high - low) or 0.1
        made.update_yaxes(range=[low - room, high + room])
    made.update_layout(height=tall(view, height))
    return made
