"""What looking at fewer plans costs: Ω of the best of them over Ω of the exact frontier, at equal cost."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look

_COLOURS = {"set B": "#7d8795", "greedy path": "#b7791f"}


@dataclass(frozen=True, eq=False)
class RestrictionCurve:
    """Ratios of one restriction: (P,) budgets in the unit of the axis, and (P,) ratios, at least 1 or NaN."""

    cost: np.ndarray
    ratio: np.ndarray


def figure(curves: Mapping[str, RestrictionCurve], *, label: str, unit: str, height: int = 320) -> go.Figure:
    """Draw the curves, by name."""
    made = look.blank(height)
    for name, curve in curves.items():
        made.add_scatter(
            x=curve.cost,
            y=np.where(np.isfinite(curve.ratio), curve.ratio, np.nan),
            mode="lines",
            line={"color": _COLOURS.get(name, look.WEIGHTS), "width": 2, "shape": "hv"},
            name=name,
            hovertemplate=f"{name}<br>%{{x:,.4~r}} {unit}<br>%{{y:.2f}} times the least Ω<extra></extra>",
        )
    made.add_hline(y=1, line={"color": look.WEIGHTS, "width": 1, "dash": "dot"})
    made.update_xaxes(title=f"{label} ({unit})", rangemode="tozero")
    made.update_yaxes(title="Ω over the least Ω")  # from 1 on: whatever is below the line cannot be
    return made
