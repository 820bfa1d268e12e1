"""Pictures of lesson 9: an error against the step, the loss over two steps and along lines through it, phase 2."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.steps.surface import Point
from explorer.figures.steps.surface import View as SurfaceView
from explorer.lessons.step_losses import Along, Line, Surface


@dataclass(frozen=True, eq=False)
class ErrorCurve:
    """An error against the step: its name, the steps, the error over its least, and where that is."""

    name: str
    steps: np.ndarray
    relative: np.ndarray
    best: float
    colour: str
    dash: str = "solid"


def errors_figure(curves: Sequence[ErrorCurve], *, height: int = 360) -> Drawing:
    """Errors over their least, against the step."""
    made = look.blank(height)
    for curve in curves:
        made.add_scatter(
            x=curve.steps,
            y=curve.relative,
            mode="lines",
            name=curve.name,
            line={"color": curve.colour, "width": 2, "dash": curve.dash},
            hovertemplate="Δ %{x:.4f}: %{y:.3g} times the least<extra></extra>",
        )
        made.add_scatter(
            x=[curve.best],
            y=[1.0],
            mode="markers",
            marker={"color": curve.colour, "size": 12, "symbol": "diamond"},
            hovertemplate="least at Δ %{x:.4f}<extra></extra>",
            showlegend=False,
        )
    made.update_xaxes(title="step Δ (units of the tensor)", rangemode="tozero")
    return made.update_yaxes(title="mean |Q(x) − x|ᵖ over its least", range=[0.8, 5])


def surface_view(
    found: Surface, sites: Sequence[str], points: Sequence[Point] = (), path: Sequence[Point] = ()
) -> SurfaceView:
    """The loss over two steps as the app's page of steps draws it."""
    return SurfaceView(
        axes=found.axes,
        height=np.log10(found.loss),
        loss=found.loss,
        points=tuple(points),
        path=tuple(path),
        titles=(f"step Δ₁ of {sites[0]}", f"step Δ₂ of {sites[1]}"),
        title="loss (nats)",
        log=True,
        growing=False,
    )


def cuts_figure(found: Surface, rows: Sequence[int], marked: int, *, height: int = 420) -> Drawing:
    """The loss along the second step, for some of the first; the least of each is marked."""
    made = look.blank(height)
    for row in rows:
        own = row == marked
        colour = look.ACCENT if own else look.WEIGHTS
        made.add_scatter(
            x=found.axes[1],
            y=found.loss[row],
            mode="lines",
            name=f"Δ₁ = {found.axes[0][row]:.3f}" + (", yours" if own else ""),
            line={"color": colour, "width": 3 if own else 1.5, "dash": "solid" if own else "dot"},
            hovertemplate="Δ₂ %{x:.4f}: loss %{y:.4g}<extra></extra>",
        )
        best = int(found.loss[row].argmin())
        made.add_scatter(
            x=[found.axes[1][best]],
            y=[found.loss[row, best]],
            mode="markers",
            marker={"color": colour, "size": 11, "symbol": "diamond"},
            hovertemplate="least at Δ₂ %{x:.4f}<extra></extra>",
            showlegend=False,
        )
    made.update_xaxes(title="step Δ₂ (units of the tensor)")
    return made.update_yaxes(
        title="loss (nats)", type="log", **look.log_ticks(found.loss.min(), found.loss.max())
    )


def along_figure(found: Along, degree: float, at: float, *, height: int = 380) -> Drawing:
    """The loss against p, its parabola and p*, and the reader's own p."""
    made = look.blank(height)
    fine = np.linspace(found.p[0], found.p[-1], 61)
    if found.coefficients:
        made.add_scatter(
            x=fine,
            y=np.polyval(found.coefficients, fine),
            mode="lines",
            name="parabola",
            line={"color": look.MUTED, "dash": "dash"},
            hoverinfo="skip",
        )
    made.add_scatter(
        x=list(found.p),
        y=list(found.losses),
        mode="lines+markers",
        name="loss of the steps of least L_p error",
        line={"color": look.WEIGHTS, "width": 2},
        marker={"size": 8},
        hovertemplate="p = %{x:.2f}: %{y:.4g}<extra></extra>",
    )
    if found.vertex is not None:
        made.add_scatter(
            x=[found.vertex],
            y=[found.vertex_loss],
            mode="markers",
            name="p*",
            marker={"symbol": "star", "size": 15, "color": look.INK},
            hovertemplate="p* = %{x:.2f}: %{y:.4g}<extra></extra>",
        )
    made.add_scatter(
        x=[degree],
        y=[at],
        mode="markers",
        name="your p",
        marker={"symbol": "diamond", "size": 13, "color": look.ACCENT},
        hovertemplate="p = %{x:.2f}: %{y:.4g}<extra></extra>",
    )
    made.update_xaxes(title="p")
    return made.update_yaxes(title="loss (nats)")


def line_figure(line: Line, *, height: int = 420) -> Drawing:
    """The loss where one line search looked, from its start to its end."""
    made = look.blank(height)
    made.add_scatter(
        x=line.moves,
        y=line.losses,
        mode="lines+markers",
        name="where the search looked",
        line={"color": look.WEIGHTS, "width": 1.5},
        marker={"size": 7},
        hovertemplate="move %{x:.3f}: loss %{y:.4g}<extra></extra>",
    )
    best = int(line.losses.argmin())
    start = int(np.abs(line.moves).argmin())
    for name, place, symbol, colour in (
        ("start", start, "circle-open", look.INK),
        ("end", best, "diamond", look.ACCENT),
    ):
        made.add_scatter(
            x=[line.moves[place]],
            y=[line.losses[place]],
            mode="markers",
            name=name,
            marker={"size": 13, "symbol": symbol, "color": colour, "line": {"width": 2}},
            hovertemplate=name + ": loss %{y:.4g}<extra></extra>",
        )
    made.update_xaxes(title="move along the direction (steps of phase 2)")
    return made.update_yaxes(title="loss (nats)")
