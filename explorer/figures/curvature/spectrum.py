"""The spectral density of the Hessian on a log axis, with its band, and every probe's nodes as ticks below.

Where the density is exact there is no band, and the ticks are the eigenvalues.

The axis ends where a single eigenvalue's bell would have sunk to a twentieth of its height: what is lower is the
bells' tails and not eigenvalues.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import log10, pi, sqrt
from typing import Any

import plotly.graph_objects as go

from explorer.figures import look

_OF_ONE = 0.05
_RUG = 0.06  # of the height


@dataclass(frozen=True)
class Density:
    """The density, its band of one standard error over the probes, and the nodes of all probes.

    ``floor`` is the lowest density that means something; the band is cut there. Where the density is exact the nodes
    are the eigenvalues.
    """

    name: str
    n: int
    grid: tuple[float, ...]
    density: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    nodes: tuple[float, ...]
    floor: float
    exact: bool = False


def view(result: Mapping[str, Any]) -> Density:
    """From the result of a spectrum."""
    floor = _OF_ONE / (result["n"] * result["sigma"] * sqrt(2 * pi))
    pairs = list(zip(result["density"], result["stderr"], strict=True))
    return Density(
        name=result["block"] or "whole network",
        n=result["n"],
        grid=tuple(result["grid"]),
        density=tuple(max(value, floor) for value, _ in pairs),
        low=tuple(max(value - error, floor) for value, error in pairs),
        high=tuple(max(value + error, floor) for value, error in pairs),
        nodes=tuple(value for probe in result["probes"] for value in probe["values"]),
        floor=floor,
        exact=result.get("method") == "gram",
    )


def figure(shown: Density, *, height: int = 460) -> go.Figure:
    """Draw the density with its band over a rug of nodes."""
    made = look.blank(height)
    if not shown.exact:
        made.add_scatter(
            x=[*shown.grid, *shown.grid[::-1]],
            y=[*shown.high, *shown.low[::-1]],
            mode="lines",
            line={"width": 0},
            fill="toself",
            fillcolor=look.faded(look.WEIGHTS, 0.25),
            hoverinfo="skip",
            name="± 1 s.e. over the probes",
        )
    made.add_scatter(
        x=shown.grid,
        y=shown.density,
        mode="lines",
        line={"color": look.WEIGHTS, "width": 2},
        hovertemplate="λ = %{x:.3g}<br>density %{y:.2e}<extra></extra>",
        name="density of the eigenvalues",
    )
    made.add_scatter(
        x=shown.nodes,
        y=[0] * len(shown.nodes),
        yaxis="y2",
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 12, "color": look.MUTED, "line": {"width": 1}},
        hovertemplate=("λ = " if shown.exact else "node at ") + "%{x:.4g}<extra></extra>",
        name="eigenvalues" if shown.exact else "nodes (Ritz values) of every probe",
    )
    top = max(shown.high)
    made.update_xaxes(title="eigenvalue λ of the Hessian (loss per weight²)", anchor="y2")
    made.update_layout(
        yaxis={
            "title": {"text": "density, per unit of λ (log)"},
            "type": "log",
            "exponentformat": "power",
            "domain": [_RUG + 0.02, 1],
            "range": _logs(shown.floor, top),
            "dtick": 1 if top / shown.floor < 1e8 else 2,
        },
        yaxis2={"domain": [0, _RUG], "visible": False, "range": [-1, 1], "fixedrange": True},
    )
    return made


def finding(shown: Density) -> str:
    """What the picture shows, in words."""
    return (
        f"Density of the {shown.n:,} Hessian eigenvalues of {shown.name}: they lie between {min(shown.nodes):.3g} and "
        f"{max(shown.nodes):.3g}, most of them near {shown.grid[shown.density.index(max(shown.density))]:.2g}."
    )


def _logs(low: float, high: float) -> list[float]:
    """The range of a log axis from ``low`` to a little above ``high``."""
    return [log10(low), log10(high) + 0.3]
