"""Several trainings in one chart: loss and accuracy on the test images over the epochs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import look

# Told apart by colour, by symbol and by dash, so that no one of them is needed.
_COLOURS = (look.WEIGHTS, look.BIT_COLOURS[2], look.ACTIVATIONS, look.BIT_COLOURS[8], look.ACCENT)
_SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "x", "star")
_DASHES = ("solid", "dash", "dot")


@dataclass(frozen=True)
class Course:
    """How one training went: points with ``epoch``, ``loss`` and ``accuracy`` (a share, or None)."""

    name: str
    points: Sequence[Mapping[str, Any]]


def style(place: int) -> dict[str, Any]:
    """Line and marker of the training in this place of a chart, from 0."""
    return {
        "line": {
            "color": _COLOURS[place % len(_COLOURS)],
            "dash": _DASHES[place % len(_DASHES)],
            "width": 2.5,
        },
        "marker": {"size": 9, "symbol": _SYMBOLS[place % len(_SYMBOLS)]},
    }


def figure(courses: Sequence[Course], *, metric: str = "accuracy", height: int = 380) -> go.Figure:
    """Draw each training as a line in both panels; ``metric`` is what their study counts."""
    made = make_subplots(rows=1, cols=2, horizontal_spacing=0.12)
    for place, course in enumerate(courses):
        for column, quantity, said, scale in ((1, "loss", "loss", 1.0), (2, "accuracy", metric, 100.0)):
            known = [point for point in course.points if point.get(quantity) is not None]
            made.add_scatter(
                x=[point["epoch"] for point in known],
                y=[point[quantity] * scale for point in known],
                mode="lines+markers",
                **style(place),
                name=course.name,
                legendgroup=str(place),
                showlegend=column == 1,
                hovertemplate=f"%{{fullData.name}}<br>epoch %{{x:.2f}}<br>{said} %{{y:.4g}}<extra></extra>",
                row=1,
                col=column,
            )
    made.update_layout(
        template=look.TEMPLATE, height=height, legend={"orientation": "v", "y": -0.3, "yanchor": "top"}
    )
    made.update_xaxes(title="epochs")
    made.update_yaxes(title="test loss", row=1, col=1)
    made.update_yaxes(title=f"test {metric} (%)", row=1, col=2)
    return made
