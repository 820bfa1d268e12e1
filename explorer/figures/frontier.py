"""Cost against damage: every plan of set B as a dot, the exact frontier, uniform, published and saved plans.

The plan in hand is shown by the selection of the clicked dot, not drawn, so a click leaves the figure, its
zoom and its selection as they are.

A click on anything returns its key as ``customdata``: ["frontier", 12], ["set B", 345], ["uniform", 4],
["published", "Table VI"] or ["saved", "name"].
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look


@dataclass(frozen=True)
class Marked:
    """A plan with a name."""

    name: str
    key: tuple[str, str | int]
    cost: float
    omega: float


@dataclass(frozen=True, eq=False)
class FrontierView:
    """Everything on the picture, in the unit of its axis.

    Attributes:
        set_b_cost, set_b_omega: (M,) one entry a plan of set B that is drawn.
        set_b_total: how many plans set B has.
        cost, omega, omega_stderr: (P,) the frontier.
        label, unit: of the cost axis.
    """

    cost: np.ndarray
    omega: np.ndarray
    omega_stderr: np.ndarray
    label: str
    unit: str
    set_b_cost: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_omega: np.ndarray = field(default_factory=lambda: np.empty(0))
    uniform: Sequence[Marked] = ()
    published: Sequence[Marked] = ()
    saved: Sequence[Marked] = ()
    set_b_total: int = 0


def figure(view: FrontierView, *, log: bool = True, height: int = 520) -> go.Figure:
    """Draw the view; few bits, small and damaged, are at the upper left."""
    made = look.blank(height)
    if len(view.set_b_cost):
        _dots(
            made,
            "set B",
            view.set_b_cost,
            view.set_b_omega,
            f"set B, {view.set_b_total:,} plans",
            look.MUTED,
            4,
            view.unit,
        )
    _band(made, view)
    _dots(
        made,
        "frontier",
        view.cost,
        view.omega,
        f"exact frontier, {len(view.cost):,} plans",
        look.WEIGHTS,
        6,
        view.unit,
    )
    for plans, symbol, colour, legend in (
        (view.uniform, "diamond", "#2f7fbf", "uniform plans"),
        (view.published, "star", "#ec7014", "published plans"),
        (view.saved, "square", look.ACTIVATIONS, "saved plans"),
    ):
        _marked(made, plans, symbol, colour, legend, view.unit)
    made.update_xaxes(title=f"{view.label} ({view.unit})", rangemode="tozero")
    made.update_yaxes(title="predicted damage Ω", type="log" if log else "linear", exponentformat="power")
    if log:
        made.update_yaxes(dtick=1)
    made.update_layout(dragmode="zoom", uirevision="frontier")
    return made


def _dots(
    made: go.Figure,
    kind: str,
    cost: np.ndarray,
    omega: np.ndarray,
    name: str,
    colour: str,
    size: int,
    unit: str,
) -> None:
    keys = np.empty((len(cost), 2), dtype=object)
    keys[:, 0], keys[:, 1] = kind, np.arange(len(cost))
    made.add_scattergl(
        x=cost.astype(np.float32),
        y=omega.astype(np.float32),
        mode="markers",
        marker={"size": size, "color": colour, "opacity": 0.35 if kind == "set B" else 1.0},
        selected={"marker": {"size": 16, "color": look.ACCENT, "opacity": 1.0}},
        unselected={"marker": {"opacity": 0.35 if kind == "set B" else 1.0}},
        name=name,
        customdata=keys.tolist(),
        hovertemplate=f"{kind}<br>%{{x:,.4~s}} {unit}<br>Ω %{{y:.3g}}<extra>click to take this plan</extra>",
    )


def _band(made: go.Figure, view: FrontierView) -> None:
    """One standard error of Ω either way, from the errors of the traces."""
    if not view.omega_stderr.any():
        return
    upper = view.omega + view.omega_stderr
    lower = np.maximum(view.omega - view.omega_stderr, view.omega * 0.01)
    made.add_scatter(
        x=np.concatenate([view.cost, view.cost[::-1]]),
        y=np.concatenate([upper, lower[::-1]]),
        fill="toself",
        fillcolor="rgba(14, 147, 132, 0.18)",
        line={"width": 0},
        hoverinfo="skip",
        mode="lines",
        name="± 1 s.e. of Ω",
    )


def _marked(
    made: go.Figure, plans: Sequence[Marked], symbol: str, colour: str, legend: str, unit: str
) -> None:
    if not plans:
        return
    made.add_scatter(
        x=[plan.cost for plan in plans],
        y=[plan.omega for plan in plans],
        mode="markers+text",
        text=[plan.name for plan in plans] if len(plans) <= 10 else None,
        textposition="top right",
        textfont={"size": 11, "color": look.TEXT_ON_BOTH},
        marker={"symbol": symbol, "size": 12, "color": colour, "line": {"width": 1, "color": "white"}},
        selected={"marker": {"size": 18, "color": look.ACCENT}},
        unselected={"marker": {"opacity": 1.0}, "textfont": {"color": look.TEXT_ON_BOTH}},
        customdata=[list(plan.key) for plan in plans],
        hovertext=[plan.name for plan in plans],
        hovertemplate=f"<b>%{{hovertext}}</b><br>%{{x:,.4~s}} {unit}<br>Ω %{{y:.3g}}<extra></extra>",
        name=legend,
    )
