"""Cost against damage: every plan of set B as a dot, the exact frontier, uniform, published and saved plans.

The current plan is not drawn: it would make every click another figure, and the chart would lose its zoom. The
page puts a handle over the chart instead.

Each trace of plans says in ``meta`` what it is ("frontier", "set B", "uniform", "published", "saved", "greedy"), so
that a click is a kind and the number of a point. Points of the frontier carry what they change from the next
larger one, and the widths of their blocks, one letter each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look
from explorer.plans import CostName, Plan
from explorer.plans.scene import Scene

COSTS: Mapping[CostName, str] = {"size": "size", "bops": "bit operations", "latency": "latency"}
UNITS: Mapping[CostName, tuple[str, float]] = {
    "size": ("kB", 1e3),
    "bops": ("GBOPs", 1e9),
    "latency": ("ms", 1.0),
}
_LABELS: Mapping[CostName, str] = {
    "size": "packed weights",
    "bops": "bit operations per image",
    "latency": "published latency, NVIDIA T4",
}
WIDTH_LETTERS: Mapping[int, str] = {
    bits: "0123456789abcdefghijklmnopqrstuvwxyz"[bits] for bits in look.BIT_COLOURS
}


@dataclass(frozen=True)
class Marked:
    """A plan with a name."""

    name: str
    cost: float
    omega: float


@dataclass(frozen=True, eq=False)
class FrontierView:
    """Everything on the picture, in the unit of its axis.

    Attributes:
        cost, omega: (P,) the points of the frontier that are drawn.
        total: how many points the frontier has; 0: those that are drawn.
        lower, upper: (P,) the band of Ω; empty where the traces have no errors.
        changes: (P,) what each changes from the next larger one, lines parted by ``<br>``; or nothing.
        widths: (P,) a letter a block, see ``WIDTH_LETTERS``; or nothing.
        label, unit: of the cost axis.
        exact: whether nothing was rounded.
        set_b_cost, set_b_omega: (M,) one entry a plan of set B that is drawn.
        set_b_total: how many plans set B has.
        greedy_cost, greedy_omega: the path of the greedy baseline.
    """

    cost: np.ndarray
    omega: np.ndarray
    label: str
    unit: str
    total: int = 0
    changes: Sequence[str] = ()
    widths: Sequence[str] = ()
    exact: bool = True
    lower: np.ndarray = field(default_factory=lambda: np.empty(0))
    upper: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_cost: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_omega: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_total: int = 0
    greedy_cost: np.ndarray = field(default_factory=lambda: np.empty(0))
    greedy_omega: np.ndarray = field(default_factory=lambda: np.empty(0))
    uniform: Sequence[Marked] = ()
    published: Sequence[Marked] = ()
    saved: Sequence[Marked] = ()


def axis(scene: Scene) -> tuple[str, float]:
    """Unit of the cost axis, and how many of the cost table's units it is."""
    if scene.question.cost == "size":
        return ("kB", 1e3) if scene.frontier.cost[-1] < 1e6 else ("MB", 1e6)
    return UNITS[scene.question.cost]


def view(scene: Scene) -> FrontierView:
    """What is drawn of a scene."""
    unit, scale = axis(scene)
    frontier, points, set_b, greedy = scene.frontier, scene.points, scene.set_b, scene.greedy
    stderr = frontier.stderr()[points]
    omega = frontier.omega[points]
    empty = np.empty(0)
    letters = np.array([WIDTH_LETTERS.get(bits, "0") for bits in range(33)])
    own = scene.question.cost == "latency" and bool(scene.question.latencies)
    return FrontierView(
        cost=frontier.cost[points] / scale,
        omega=omega,
        label="latency, your table" if own else _LABELS[scene.question.cost],
        unit=unit,
        total=len(frontier),
        exact=frontier.exact,
        changes=[_change(scene, int(place)) for place in points],
        widths=["".join(row) for row in letters[frontier.bits[points]]],
        lower=omega - stderr if stderr.any() else empty,
        upper=omega + stderr if stderr.any() else empty,
        set_b_cost=set_b.cost[scene.dots] / scale if set_b else empty,
        set_b_omega=set_b.omega[scene.dots] if set_b else empty,
        set_b_total=len(set_b) if set_b else 0,
        greedy_cost=greedy.cost / scale if greedy else empty,
        greedy_omega=greedy.omega if greedy else empty,
        **{kind: [_mark(scene, plan, scale) for plan in found] for kind, found in scene.named.items()},
    )


def figure(view: FrontierView, *, log: bool = True, height: int = 520) -> go.Figure:
    """Draw the view; few bits, small and damaged, are at the upper left."""
    made = look.blank(height)
    if len(view.set_b_cost):
        _set_b(made, view)
    if len(view.greedy_cost):
        _greedy(made, view)
    if len(view.lower):
        _band(made, view)
    _frontier(made, view)
    for kind, plans, symbol, colour in (
        ("uniform", view.uniform, "diamond", "#2f7fbf"),
        ("published", view.published, "star", "#ec7014"),
        ("saved", view.saved, "square", look.ACTIVATIONS),
    ):
        _marked(made, kind, plans, symbol, colour, view.unit)
    made.update_xaxes(title=f"{view.label} ({view.unit})", rangemode="tozero")
    made.update_yaxes(title="predicted damage Ω", type="log" if log else "linear", exponentformat="power")
    if log:
        made.update_yaxes(dtick=1)
    made.update_layout(dragmode="zoom", uirevision="frontier")
    return made


def changes_text(before: Mapping[str, int], after: Mapping[str, int], cost: str, *, most: int = 4) -> str:
    """What one plan changes from another, block by block, and what that costs."""
    changed = [
        f"{name}: {before[name]} → {bits} bits" for name, bits in after.items() if bits != before[name]
    ]
    more = [f"and {len(changed) - most} more blocks"] if len(changed) > most else []
    return "<br>".join([*changed[:most], *more, cost])


def _change(scene: Scene, place: int) -> str:
    """What a point changes from the next larger one."""
    frontier = scene.frontier
    if place == len(frontier) - 1:
        return "largest plan"
    before, after = frontier.bits[place + 1], frontier.bits[place]
    where = np.flatnonzero(before != after)
    names = frontier.blocks
    return "vs. next larger plan: " + changes_text(
        {names[i]: int(before[i]) for i in where},
        {names[i]: int(after[i]) for i in where},
        f"−{_said(scene.question.cost, float(frontier.cost[place + 1] - frontier.cost[place]))}",
    )


def _said(cost: CostName, amount: float) -> str:
    """An amount of a cost, with the unit that suits it."""
    if cost == "size":
        return look.bytes_text(amount)
    return f"{look.count_text(amount)}BOPs" if cost == "bops" else f"{amount:.3g} ms"


def _mark(scene: Scene, plan: Plan, scale: float) -> Marked:
    cost, omega = scene.place(plan)
    return Marked(plan.name, cost / scale, omega)


def _set_b(made: go.Figure, view: FrontierView) -> None:
    made.add_scattergl(
        x=view.set_b_cost.astype(np.float32),
        y=view.set_b_omega.astype(np.float32),
        mode="markers",
        marker={"size": 4, "color": look.MUTED, "opacity": 0.35},
        name=f"set B, {view.set_b_total:,} plans",
        meta="set B",
        hovertemplate=f"set B<br>%{{x:,.4~s}} {view.unit}<br>Ω %{{y:.3g}}<extra>click to use this plan</extra>",
    )


def _greedy(made: go.Figure, view: FrontierView) -> None:
    made.add_scattergl(
        x=view.greedy_cost.astype(np.float32),
        y=view.greedy_omega.astype(np.float32),
        mode="lines+markers",
        line={"color": "#b7791f", "width": 1},
        marker={"size": 4, "color": "#b7791f"},
        name="greedy path",
        meta="greedy",
        hovertemplate=f"greedy<br>%{{x:,.4~s}} {view.unit}<br>Ω %{{y:.3g}}<extra>click to use this plan</extra>",
    )


def _frontier(made: go.Figure, view: FrontierView) -> None:
    total = view.total or len(view.cost)
    drawn = f", {len(view.cost):,} drawn" if len(view.cost) < total else ""
    made.add_scattergl(
        x=view.cost.astype(np.float32),
        y=view.omega.astype(np.float32),
        mode="markers",
        marker={"size": 6, "color": look.WEIGHTS},
        name=f"{'exact ' if view.exact else ''}frontier, {total:,} plans{drawn}",
        meta="frontier",
        customdata=list(zip(view.changes, view.widths, strict=True)) or None,
        hovertemplate=f"%{{x:,.4~s}} {view.unit}, Ω %{{y:.3g}}"
        + (
            "<br>%{customdata[0]}<extra>click to use this plan</extra>" if view.changes else "<extra></extra>"
        ),
    )


def _band(made: go.Figure, view: FrontierView) -> None:
    """One standard error of Ω either way, from the errors of the traces."""
    lower = np.maximum(view.lower, view.omega * 0.01)
    made.add_scatter(
        x=np.concatenate([view.cost, view.cost[::-1]]),
        y=np.concatenate([view.upper, lower[::-1]]),
        fill="toself",
        fillcolor=look.faded(look.WEIGHTS),
        line={"width": 0},
        hoverinfo="skip",
        mode="lines",
        name="± 1 s.e. of Ω",
    )


def _marked(made: go.Figure, kind: str, plans: Sequence[Marked], symbol: str, colour: str, unit: str) -> None:
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
        hovertext=[plan.name for plan in plans],
        hovertemplate=f"<b>%{{hovertext}}</b><br>%{{x:,.4~s}} {unit}<br>Ω %{{y:.3g}}<extra></extra>",
        name=f"{kind} plans",
        meta=kind,
    )
