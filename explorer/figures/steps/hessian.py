"""The Hessian of the loss with respect to the steps as a heat map (LAPQ, Fig. A.1), and interactions likewise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look

Shown = Literal["hessian", "coupling"]
_DIVERGING = ((0.0, "#cc4c02"), (0.5, "#f3f1ec"), (1.0, "#2f7fbf"))
_FEW = 24
_RISING = ((0.0, "#f3f1ec"), (1.0, "#440154"))


@dataclass(frozen=True, eq=False)
class View:
    """A square of numbers.

    Attributes:
        names: of rows and columns, in the order of the network.
        values: (n, n), NaN where nothing is known.
        errors: the shape of ``values``; None where they have no errors.
        limit: the end of the colour scale.
        signed: the scale has negative values too.
        title: of the colours, with units.
    """

    names: tuple[str, ...]
    values: np.ndarray
    errors: np.ndarray | None
    limit: float
    signed: bool
    title: str


def view(record: Mapping[str, Any], *, shown: Shown = "hessian") -> View:
    """Of a ``hessian`` record: second derivatives by log steps, or their couplings."""
    names = tuple(record["sites"])
    if shown == "coupling":
        coupling = np.array(record["coupling"], float)
        return View(names, coupling, None, 1.0, False, "coupling |Hᵢⱼ| / √|Hᵢᵢ Hⱼⱼ|")
    hessian = np.array(record["log_hessian"], float)
    errors = None if record["log_stderr"] is None else np.array(record["log_stderr"], float)
    return View(names, hessian, errors, _limit(hessian), True, "∂²L/∂log Δᵢ ∂log Δⱼ (nats)")


def interactions_view(record: Mapping[str, Any]) -> View:
    """Of a ``separability`` record: the interaction of every two tensors, the damage of each on the diagonal."""
    values, errors = np.array(record["pairs"], float), np.array(record["pairs_stderr"], float)
    np.fill_diagonal(values, record["alone"])
    np.fill_diagonal(errors, record["alone_stderr"])
    return View(
        tuple(record["sites"]), values, errors, _limit(values), True, "loss (nats): alone, and interactions"
    )


def pair_name(row: str, column: str) -> str:
    """What a click on a square reports."""
    return f"{row} × {column}"


def figure(view: View, *, height: int = 560, revision: str = "step hessian") -> go.Figure:
    """Rows from the top down, as a matrix is written."""
    made = look.blank(height)
    low = -view.limit if view.signed else 0.0
    scale = _DIVERGING if view.signed else _RISING
    gap = 1 if len(view.names) <= _FEW else 0  # many small squares would be more line than colour
    made.add_heatmap(
        x=list(view.names),
        y=list(view.names),
        z=view.values.astype(np.float32),
        customdata=_squares(view),
        zmin=low,
        zmax=view.limit,
        colorscale=[list(stop) for stop in scale],
        colorbar={"title": {"text": view.title, "side": "right"}, "thickness": 14, "outlinewidth": 0},
        xgap=gap,
        ygap=gap,
        hovertemplate="%{y} and %{x}<br>%{z:.3g}%{customdata[1]}<extra></extra>",
    )
    made.update_xaxes(tickangle=-60, tickfont={"size": 11}, title="tensor, in the order of the network")
    made.update_yaxes(
        autorange="reversed", tickfont={"size": 11}, scaleanchor="x", constrain="domain", title="tensor"
    )
    made.update_xaxes(constrain="domain", constraintoward="right")  # beside the colour bar
    return made.update_layout(uirevision=revision)


def _limit(values: np.ndarray) -> float:
    known = np.abs(values[np.isfinite(values)])
    return float(known.max()) if known.size and known.max() > 0 else 1.0


def _squares(view: View) -> list[list[list[str]]]:
    """Of every square what it is called when it is clicked, and its error in words."""
    errors = np.full(view.values.shape, np.nan) if view.errors is None else view.errors
    return [
        [
            [pair_name(row, column), f" ± {error:.1g}" if np.isfinite(error) else ""]
            for column, error in zip(view.names, of, strict=True)
        ]
        for row, of in zip(view.names, errors, strict=True)
    ]
