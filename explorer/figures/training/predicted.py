"""Predicted damage Ω against the measured rise of the test loss over FP32, without training and after it."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer.figures import look


@dataclass(frozen=True)
class Measured:
    """One plan: what was predicted and what was measured, each with its standard error.

    Attributes:
        omega, omega_stderr: predicted damage.
        rise, rise_stderr: loss of the quantized network minus that of FP32, without training.
        left, left_stderr: the same after training.
    """

    name: str
    omega: float
    omega_stderr: float
    rise: float
    rise_stderr: float
    left: float
    left_stderr: float


def figure(plans: Sequence[Measured], *, label: str = "predicted damage Ω", height: int = 400) -> go.Figure:
    """Draw both rises of every plan over its Ω, which is logarithmic where that spreads the plans.

    Args:
        label: of the axis of Ω, with the measure it is predicted by.
    """
    made = look.blank(height)
    for colour, symbol, name, value, error in (
        (look.BIT_COLOURS[3], "circle-open", "without training", "rise", "rise_stderr"),
        (look.WEIGHTS, "circle", "after training", "left", "left_stderr"),
    ):
        made.add_scatter(
            x=[plan.omega for plan in plans],
            y=[getattr(plan, value) for plan in plans],
            error_x={"type": "data", "array": [plan.omega_stderr for plan in plans], "thickness": 1.5},
            error_y={"type": "data", "array": [getattr(plan, error) for plan in plans], "thickness": 1.5},
            mode="markers",
            marker={"size": 12, "symbol": symbol, "color": colour, "line": {"width": 2, "color": colour}},
            hovertext=[plan.name for plan in plans],
            hovertemplate=f"<b>%{{hovertext}}</b><br>{name}<br>Ω %{{x:.3g}}<br>rise %{{y:.4g}}<extra></extra>",
            name=f"{name} (± 1 s.e.)",
        )
    made.add_hline(
        y=0,
        line={"color": look.BIT_COLOURS[32], "dash": "dot"},
        annotation_text="FP32",
        annotation_position="bottom left",
    )
    spread = [plan.omega for plan in plans if plan.omega > 0]
    wide = len(spread) == len(plans) > 1 and max(spread) > 30 * min(spread)
    made.update_xaxes(title=label, type="log" if wide else "linear")
    if not wide:
        made.update_xaxes(rangemode="tozero")
    made.update_yaxes(title="rise of the test loss over FP32")
    return made
