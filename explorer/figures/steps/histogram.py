"""A tensor's values as a histogram, with the grid of its quantizer and the clip drawn on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look

BINS = 120
MOST_LINES = 64  # levels that are drawn one by one; of more only the ends


@dataclass(frozen=True, eq=False)
class View:
    """A histogram and a grid.

    Attributes:
        edges: of the bins, (B + 1,).
        counts: (B,).
        levels: the values that the quantizer has, ascending.
        clip: the lowest and the highest of them.
        beyond: the share of values below and above, in [0, 1].
        mean_squared_error: of rounding every value to the nearest level.
        name: of the tensor.
        kind: its colour.
    """

    edges: np.ndarray
    counts: np.ndarray
    levels: np.ndarray
    clip: tuple[float, float]
    beyond: tuple[float, float]
    mean_squared_error: float
    name: str
    kind: Literal["weight", "input"]


def view(
    values: np.ndarray,
    levels: Sequence[float] | np.ndarray,
    *,
    name: str,
    kind: Literal["weight", "input"] = "weight",
    bins: int = BINS,
) -> View:
    """Of a tensor's values, or a sample of them, and its quantizer's levels."""
    flat, grid = np.asarray(values, float).ravel(), np.sort(np.asarray(levels, float))
    low, high = min(float(flat.min()), grid[0]), max(float(flat.max()), grid[-1])
    counts, edges = np.histogram(flat, bins=bins, range=(low, high))
    nearest = _nearest(flat, grid)
    return View(
        edges=edges,
        counts=counts,
        levels=grid,
        clip=(float(grid[0]), float(grid[-1])),
        beyond=(float((flat < grid[0]).mean()), float((flat > grid[-1]).mean())),
        mean_squared_error=float(np.square(flat - nearest).mean()),
        name=name,
        kind=kind,
    )


def figure(view: View, *, log: bool = False, height: int = 320, revision: str = "histogram") -> go.Figure:
    """Bars, a line at every level, and what is clipped in a shade."""
    made = look.blank(height)
    colour = look.WEIGHTS if view.kind == "weight" else look.ACTIVATIONS
    middles = (view.edges[1:] + view.edges[:-1]) / 2
    made.add_bar(
        x=middles,
        y=view.counts,
        width=np.diff(view.edges),
        marker={"color": colour, "line": {"width": 0}},
        name=view.name,
        hovertemplate="%{x:.4g}<br>%{y:,} values<extra></extra>",
    )
    top = float(view.counts.max()) or 1.0
    bottom = 0.5 if log else 0.0  # a logarithmic axis has no zero
    shown = view.levels if len(view.levels) <= MOST_LINES else np.array(view.clip)
    x = [part for level in shown for part in (level, level, None)]
    y = [part for _ in shown for part in (bottom, top, None)]
    what = (
        f"{len(view.levels)} levels"
        if len(view.levels) <= MOST_LINES
        else f"ends of {len(view.levels)} levels"
    )
    made.add_scatter(
        x=x,
        y=y,
        mode="lines",
        line={"color": look.ACCENT, "width": 1.2},
        name=what,
        hoverinfo="skip",
    )
    for start, end, share in (
        (view.edges[0], view.clip[0], view.beyond[0]),
        (view.clip[1], view.edges[-1], view.beyond[1]),
    ):
        if end > start and share:
            made.add_vrect(x0=start, x1=end, fillcolor=look.ACCENT, opacity=0.1, line_width=0)
            made.add_annotation(
                x=(start + end) / 2,
                y=1,
                yref="paper",
                text=f"{look.percent_text(share)} clipped",
                showarrow=False,
                font={"size": 12, "color": look.TEXT_ON_BOTH},
                yanchor="top",
            )
    made.update_xaxes(title="values (units of the tensor)")
    made.update_yaxes(title="values in a bin" + (" (log)" if log else ""), type="log" if log else "linear")
    return made.update_layout(uirevision=revision, bargap=0)


def _nearest(flat: np.ndarray, grid: np.ndarray) -> np.ndarray:
    after = np.searchsorted(grid, flat).clip(1, len(grid) - 1)
    found: np.ndarray = np.where(flat - grid[after - 1] <= grid[after] - flat, grid[after - 1], grid[after])
    return found
