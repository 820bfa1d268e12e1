"""Accuracy against measured latency, and against the size of the weights in the file, of every exported plan."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import look


@dataclass(frozen=True)
class Timed:
    """A network that was timed: accuracy as a share with its standard error, milliseconds a batch with the least and
    the greatest over the rounds, bytes of its weights.

    Attributes:
        plain: the FP32 network, which others are compared with.
    """

    name: str
    accuracy: float
    stderr: float
    milliseconds: float
    least: float
    greatest: float
    weight_bytes: int
    plain: bool = False


def figure(
    points: Sequence[Timed],
    *,
    batch: int,
    noun: str = "images",
    metric: str = "accuracy",
    height: int = 380,
) -> go.Figure:
    """Two panels with one axis of the metric: latency at the left, bytes at the right."""
    made = make_subplots(1, 2, shared_yaxes=True, horizontal_spacing=0.06)
    made.update_layout(look.blank(height).layout)
    for plain, colour, symbol, name in (
        (False, look.WEIGHTS, "circle", "exported"),
        (True, look.BIT_COLOURS[32], "diamond", "FP32"),
    ):
        found = [each for each in points if each.plain == plain]
        if not found:
            continue
        accuracies = [100 * each.accuracy for each in found]
        errors = {"type": "data", "array": [100 * each.stderr for each in found], "thickness": 1.5}
        names = [each.name for each in found]
        common = {
            "y": accuracies,
            "error_y": errors,
            "mode": "markers",
            "marker": {"size": 12, "symbol": symbol, "color": colour},
            "hovertext": names,
        }
        made.add_scatter(
            x=[each.milliseconds for each in found],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [each.greatest - each.milliseconds for each in found],
                "arrayminus": [each.milliseconds - each.least for each in found],
                "thickness": 1.5,
            },
            hovertemplate="<b>%{hovertext}</b><br>%{x:.3g} ms<br>%{y:.2f} %<extra></extra>",
            name=f"{name} (± 1 s.e.; latency: range of the rounds)",
            row=1,
            col=1,
            **common,
        )
        made.add_scatter(
            x=[each.weight_bytes / 1e3 for each in found],
            hovertemplate="<b>%{hovertext}</b><br>%{x:,.1f} kB<br>%{y:.2f} %<extra></extra>",
            showlegend=False,
            row=1,
            col=2,
            **common,
        )
    count = f"{batch} {noun}" if batch > 1 else "a single one"
    made.update_xaxes(title=f"latency of {count} (ms)", rangemode="tozero", row=1, col=1)
    made.update_xaxes(title="weights in the file (kB, 1 kB = 1,000 bytes)", rangemode="tozero", row=1, col=2)
    made.update_yaxes(title=f"test {metric} where it runs (%)", row=1, col=1)
    return made
