"""The Hessian trace of a network while it trains under quantization, after each epoch (FPQ, Figure 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from explorer.figures import look

_COLOURS = (look.WEIGHTS, look.BIT_COLOURS[2], look.ACTIVATIONS, look.BIT_COLOURS[8], look.ACCENT)
_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star")


@dataclass(frozen=True)
class Trajectory:
    """One training: points with ``epoch``, ``trace`` and its standard error ``stderr``."""

    name: str
    points: Sequence[Mapping[str, Any]]


def figure(trainings: Sequence[Trajectory], *, height: int = 320) -> go.Figure:
    """Draw each trajectory with its standard errors."""
    made = look.blank(height)
    for place, of in enumerate(trainings):
        made.add_scatter(
            x=[point["epoch"] for point in of.points],
            y=[point["trace"] for point in of.points],
            error_y={"type": "data", "array": [point["stderr"] for point in of.points], "thickness": 1.5},
            mode="lines+markers",
            line={"color": _COLOURS[place % len(_COLOURS)], "width": 2},
            marker={"size": 9, "symbol": _SYMBOLS[place % len(_SYMBOLS)]},
            name=of.name,
            showlegend=True,
            hovertemplate=f"{of.name}<br>epoch %{{x:.2f}}<br>trace %{{y:.4g}}<extra></extra>",
        )
    made.update_xaxes(title="epochs")
    made.update_yaxes(title="Hessian trace of all weights (± 1 s.e.)", rangemode="tozero")
    return made
