"""How few samples carry a block's trace: cumulative share of the trace against share of the samples."""

from collections.abc import Sequence

import plotly.graph_objects as go

from explorer.curvature.carriers import Carried
from explorer.figures import look
from explorer.studies.data.samples import SAMPLES, Noun


def figure(
    curve: Sequence[Carried],
    *,
    marks: Sequence[Carried] = (),
    of: str = "weights",
    noun: Noun = SAMPLES,
    log: bool = True,
    height: int = 340,
) -> go.Figure:
    """Draw the curve with one standard error either way, and the line on which every sample carries the same."""
    colour = look.WEIGHTS if of == "weights" else look.ACTIVATIONS
    made = look.blank(height)
    x = [point.of_samples * 100 for point in curve]
    upper = [(point.of_trace + point.stderr) * 100 for point in curve]
    lower = [(point.of_trace - point.stderr) * 100 for point in curve]
    if any(point.stderr for point in curve):
        made.add_scatter(
            x=[*x, *x[::-1]],
            y=[*upper, *lower[::-1]],
            fill="toself",
            fillcolor=look.faded(colour),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
            name="± 1 s.e.",
        )
    equal = [x[0] * (100 / x[0]) ** (step / 60) for step in range(61)] if log else [0.0, 100.0]
    made.add_scatter(
        x=equal,
        y=equal,
        mode="lines",
        line={"color": look.MUTED, "dash": "dash", "width": 1.5},
        hoverinfo="skip",
        name=f"if every {noun.one} carried the same",
    )
    _points(made, curve, noun.many, "share of the trace", mode="lines", line={"color": colour, "width": 2.5})
    if marks:
        _points(
            made,
            marks,
            noun.many,
            "top 1, 5 and 10 %",
            mode="markers",
            marker={"size": 9, "color": colour},
            error_y={"type": "data", "array": [mark.stderr * 100 for mark in marks], "thickness": 2},
        )
    made.update_xaxes(
        title=f"share of the {noun.many} (%)" + (", log" if log else ""), type="log" if log else "linear"
    )
    if log:
        made.update_xaxes(tickvals=[0.01, 0.1, 1, 10, 100], ticktext=["0.01", "0.1", "1", "10", "100"])
    made.update_yaxes(title="share of the trace (%)", rangemode="tozero")
    return made


def _points(made: go.Figure, points: Sequence[Carried], many: str, name: str, **style: object) -> None:
    made.add_scatter(
        x=[point.of_samples * 100 for point in points],
        y=[point.of_trace * 100 for point in points],
        customdata=[[point.stderr * 100, point.samples] for point in points],
        hovertemplate=f"%{{customdata[1]:,}} {many}, %{{x:.3g}} % of all<br>"
        "carry %{y:.1f} ± %{customdata[0]:.1f} % of the trace<extra></extra>",
        name=name,
        **style,
    )
