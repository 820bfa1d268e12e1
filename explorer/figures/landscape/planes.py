"""The loss in a plane, as contours or as a surface, one panel a block."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look
from explorer.figures.landscape.parts import (
    PREDICTED,
    along,
    grid,
    in_legend,
    places,
    ring_style,
    rings_of,
    shape,
    tall,
)
from explorer.figures.landscape.views import Panel, View

# Viridis without its lightest end, on which neither white lines nor pale rings would be seen.
SCALE = ("#440154", "#472f7d", "#39568c", "#29788e", "#1f988b", "#35b779", "#7ad151")
_CAMERA = {"eye": {"x": 1.2, "y": -1.28, "z": 0.8}, "center": {"z": -0.2}}
_LIFT = 0.006  # of the height of the picture, for each pixel of a ring
_GRID = "#8f98a6"  # WebGL draws no transparent lines


def _shown(view: View, values: np.ndarray) -> np.ndarray:
    """Heights as colours and surfaces have them: exponents on the logarithmic scale, rows along the second axis."""
    return (np.log10(values) if view.log else values).T.astype(np.float32)


def _scale(view: View) -> tuple[float, float]:
    low, high = view.heights
    if view.log:
        return math.log10(low), math.log10(high)
    return (low, high) if high > low else (low, low + 1.0)


def _ticks(view: View) -> dict[str, Any]:
    if not view.log:
        return {}
    low, high = _scale(view)
    powers = list(range(math.ceil(low), math.floor(high) + 1))
    return {"tickvals": powers, "ticktext": [f"10<sup>{power}</sup>" for power in powers]}


def _coloured(made: go.Figure, view: View) -> None:
    """One colour scale for all panels, below them."""
    low, high = _scale(view)
    bar = {"orientation": "h", "x": 0.5, "y": 0, "yref": "container", "yanchor": "bottom", "len": 1}
    bar |= {
        "title": {"text": view.title, "side": "right"},
        "thickness": 12,
        "outlinewidth": 0,
        **_ticks(view),
    }
    made.update_layout(coloraxis={"colorscale": SCALE, "cmin": low, "cmax": high, "colorbar": bar})


def contours(view: View, height: int) -> go.Figure:
    """Measured as colours and thin lines, predicted as dotted lines at the same levels."""
    made = grid(view, spacing=0.1)
    low, high = _scale(view)
    levels = {"start": low, "end": high, "size": (high - low) / 12}
    for panel, row, column in places(view):
        _, reduced = _thinned(panel)
        made.add_contour(
            x=panel.steps[reduced].astype(np.float32),
            y=panel.steps[reduced].astype(np.float32),
            z=_shown(view, panel.height[np.ix_(reduced, reduced)]),
            coloraxis="coloraxis",
            contours={**levels, "coloring": "heatmap"},
            line={"color": "rgba(255,255,255,0.45)", "width": 1},
            connectgaps=panel.growing,
            customdata=panel.height[np.ix_(reduced, reduced)].T,
            hovertemplate="%{x:.3g}, %{y:.3g}<br>" + view.title + " %{customdata:.4g}<extra></extra>",
            row=row,
            col=column,
        )
        made.add_contour(
            x=panel.steps.astype(np.float32),
            y=panel.steps.astype(np.float32),
            z=_shown(view, panel.predicted),
            contours={**levels, "coloring": "none"},
            line={"color": "white", "width": 1.8, "dash": "dot"},
            showscale=False,
            hoverinfo="skip",
            showlegend=False,
            row=row,
            col=column,
        )
        reach = [-view.radius, view.radius]
        made.update_xaxes(title=along(panel.axes[0]), range=reach, constrain="domain", row=row, col=column)
        anchor = {"scaleanchor": made.get_subplot(row, column).xaxis.plotly_name.replace("axis", "")}
        side = f"{panel.axes[1]} (weight units)" if column == 1 else None
        fit = {"constrain": "domain", "constraintoward": "top"}
        made.update_yaxes(title=side, range=reach, **fit, **anchor, row=row, col=column)
    in_legend(made, "quadratic", {"color": look.TEXT_ON_BOTH, "width": 2, "dash": "dot"})
    for ring, row, column, legend in rings_of(view):
        style = ring_style(replace(ring, beyond=False), legend)  # seen from above
        made.add_scatter(x=[ring.at[0]], y=[ring.at[1]], row=row, col=column, **style)
    made.update_layout(height=tall(view, height))
    _coloured(made, view)
    return made


def _thinned(panel: Panel) -> tuple[int, np.ndarray]:
    """The finest grid of which something was measured, so that a growing picture has few gaps to bridge."""
    known = np.isfinite(panel.height)
    last = len(panel.steps) - 1
    stride = last // 4
    while stride > 1:
        coarser = np.zeros_like(known)
        coarser[::stride, ::stride] = True
        if not (known & ~coarser).any():
            break
        stride //= 2
    return stride, np.arange(0, last + 1, max(stride, 1))


def surfaces(view: View, height: int) -> go.Figure:
    """Measured as a surface in the colours of the contours, predicted as one that is seen through."""
    rows, columns = shape(view)
    made = grid(view, spacing=0.02, between=0.12, specs=[[{"type": "scene"}] * columns] * rows)
    low, high = _scale(view)
    top = max(high, math.log10(view.ceiling) if view.log else view.ceiling)
    for panel, row, column in places(view):
        first = (row, column) == (1, 1)
        _, reduced = _thinned(panel)
        steps = panel.steps[reduced].astype(np.float32)
        made.add_surface(
            x=steps,
            y=steps,
            z=_shown(view, panel.height[np.ix_(reduced, reduced)]),
            coloraxis="coloraxis",
            connectgaps=panel.growing,
            lighting={"ambient": 0.75, "diffuse": 0.5, "specular": 0.05, "roughness": 0.9},
            customdata=panel.height[np.ix_(reduced, reduced)].T,
            hovertemplate="%{x:.3g}, %{y:.3g}<br>" + view.title + " %{customdata:.4g}<extra></extra>",
            name="measured",
            row=row,
            col=column,
        )
        inside = np.where(panel.predicted <= view.ceiling, panel.predicted, np.nan)
        made.add_surface(
            x=panel.steps.astype(np.float32),
            y=panel.steps.astype(np.float32),
            z=_shown(view, inside),
            colorscale=[[0, PREDICTED], [1, PREDICTED]],
            opacity=0.35,
            showscale=False,
            hoverinfo="skip",
            name="quadratic",
            legendgroup="predicted",
            showlegend=first,
            row=row,
            col=column,
        )
        lines = {
            "gridcolor": _GRID,
            "showbackground": False,
            "zeroline": False,
            "showline": True,
            "linecolor": _GRID,
        }
        reach = [-view.radius, view.radius]
        sides = {
            f"{letter}axis": {
                **lines,
                "range": reach,
                "title": {"text": f"{name}, |ΔW|"},
            }
            for letter, name in (("x", "d₁"), ("y", "d₂"))
        }
        up = {**lines, "range": [low, top + 0.02 * (top - low)], "title": {"text": ""}, **_ticks(view)}
        made.update_scenes(
            **sides,
            zaxis=up,
            camera=_CAMERA,
            aspectmode="manual",
            aspectratio={"x": 1, "y": 1, "z": 0.75},
            row=row,
            col=column,
        )
    for ring, row, column, legend in rings_of(view):
        tip = math.log10(ring.height) if view.log and math.isfinite(ring.height) else ring.height
        style = ring_style(ring, legend, solid=True)
        tip += _LIFT * style["marker"]["size"] * (top - low)  # else the surface cuts through it
        made.add_scatter3d(x=[ring.at[0]], y=[ring.at[1]], z=[tip], row=row, col=column, **style)
    made.update_layout(height=tall(view, height))
    _coloured(made, view)
    return made
