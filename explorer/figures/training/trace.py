"""The Hessian trace of a network while it trains under quantization, after each epoch (FPQ, Figure 5)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from explorer.figures import look
from explorer.figures.training import overlay


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
            **overlay.style(place),
            name=of.name,
            showlegend=True,
            hovertemplate=f"{of.name}<br>epoch %{{x:.2f}}<br>trace %{{y:.4g}}<extra></extra>",
        )
    made.update_xaxes(title="epochs")
    made.update_yaxes(title="Hessian trace of all weights (± 1 s.e.)", rangemode="tozero")
    return made
