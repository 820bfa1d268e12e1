"""Accuracy against size: where every trained plan started, where it arrived, and the FP32 network."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer.figures import look


@dataclass(frozen=True)
class Outcome:
    """One run: accuracies are shares with their standard errors, the size is in bytes."""

    name: str
    size_bytes: int
    before: float
    before_stderr: float
    after: float
    after_stderr: float


def figure(
    outcomes: Sequence[Outcome],
    *,
    reference: tuple[int, float] | None,
    metric: str = "accuracy",
    height: int = 460,
) -> go.Figure:
    """Draw each run as an arrow from untrained to trained; ``reference`` is the FP32 size and value of the metric."""
    made = look.blank(height)
    for colour, symbol, name, value, error in (
        (look.BIT_COLOURS[3], "circle-open", "without training", "before", "before_stderr"),
        (look.WEIGHTS, "circle", "after training", "after", "after_stderr"),
    ):
        made.add_scatter(
            x=[outcome.size_bytes / 1e3 for outcome in outcomes],
            y=[getattr(outcome, value) * 100 for outcome in outcomes],
            error_y={
                "type": "data",
                "array": [getattr(outcome, error) * 100 for outcome in outcomes],
                "thickness": 1.5,
            },
            mode="markers",
            marker={"size": 12, "symbol": symbol, "color": colour, "line": {"width": 2, "color": colour}},
            hovertext=[outcome.name for outcome in outcomes],
            hovertemplate=f"<b>%{{hovertext}}</b><br>{name}<br>%{{x:,.1f}} kB<br>%{{y:.2f}} %<extra></extra>",
            name=f"{name} (± 1 s.e.)",
        )
    for outcome in outcomes:
        made.add_annotation(
            x=outcome.size_bytes / 1e3,
            y=outcome.after * 100,
            ax=outcome.size_bytes / 1e3,
            ay=outcome.before * 100,
            axref="x",
            ayref="y",
            arrowcolor=look.MUTED,
            arrowwidth=1.5,
            arrowhead=2,
            standoff=8,
            startstandoff=8,
        )
    if reference is not None:
        made.add_hline(
            y=reference[1] * 100,
            line={"color": look.BIT_COLOURS[32], "dash": "dot"},
            annotation_text=f"FP32, {look.bytes_text(reference[0])}",
            annotation_position="top left",
        )
    made.update_xaxes(title="packed weights (kB, 1 kB = 1,000 bytes)", rangemode="tozero")
    made.update_yaxes(title=f"test {metric} (%)")
    return made
