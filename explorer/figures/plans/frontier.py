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
    "bops": "bit operations per sample",
    "latency": "published latency, NVIDIA T4",
}
_BESIDE_MODE_BAR = 70  # pixels at the right for numbers and, further out, the mode bar
WIDTH_LETTERS: Mapping[int, str] = {
    bits: "0123456789abcdefghijklmnopqrstuvwxyz"[bits] for bits in look.BIT_COLOURS
}


@dataclass(frozen=True)
class Marked:
    """A plan with a name, and the letters of its widths, of weights and of activations."""

    name: str
    cost: float
    omega: float
    widths: str = ""
    inputs: str = ""


@dataclass(frozen=True)
class Measured:
    """A plan that was measured without training.

    Attributes:
        cost: in the unit of the axis.
        accuracy, stderr: shares.
        widths, inputs: letters, as of ``Marked``.
    """

    cost: float
    accuracy: float
    stderr: float
    widths: str = ""
    inputs: str = ""


@dataclass(frozen=True)
class Levels:
    """How the counts of a dot of set B become the widths of its blocks.

    Attributes:
        order: places of the blocks that are in set B's order, the least sensitive first: the first so many have the
            first width of the menu, and so on.
        base: (L,) a letter a block, right for those that are not in the order.
        menu: a letter for each width.
    """

    order: tuple[int, ...]
    base: str
    menu: str


@dataclass(frozen=True, eq=False)
class FrontierView:
    """Everything on the picture, in the unit of its axis.

    Attributes:
        cost, omega: (P,) the points of the frontier that are drawn.
        total: how many points the frontier has; 0: those that are drawn.
        lower, upper: (P,) the band of Ω; empty where the traces have no errors.
        changes: (P,) what each changes from the next larger one, lines parted by ``<br>``; or nothing.
        widths: (P,) a letter a block, see ``WIDTH_LETTERS``; or nothing.
        inputs: (P,) the same of the activations, where they were chosen.
        label, unit: of the cost axis.
        exact: whether nothing was rounded.
        set_b_cost, set_b_omega: (M,) one entry a plan of set B that is drawn.
        set_b_levels: (M, k) how many blocks have each width of the menu; see ``Levels``.
        set_b_total: how many plans set B has.
        greedy_cost, greedy_omega, greedy_widths, greedy_inputs: the path of the greedy baseline.
        measured: plans with their accuracy, drawn on an axis of its own at the right; nothing without.
        metric: what that accuracy is called.
        full: accuracy of FP32 on the same images.
    """

    cost: np.ndarray
    omega: np.ndarray
    label: str
    unit: str
    total: int = 0
    changes: Sequence[str] = ()
    widths: Sequence[str] = ()
    inputs: Sequence[str] = ()
    exact: bool = True
    lower: np.ndarray = field(default_factory=lambda: np.empty(0))
    upper: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_cost: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_omega: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_levels: np.ndarray = field(default_factory=lambda: np.empty(0))
    set_b_total: int = 0
    greedy_cost: np.ndarray = field(default_factory=lambda: np.empty(0))
    greedy_omega: np.ndarray = field(default_factory=lambda: np.empty(0))
    greedy_widths: Sequence[str] = ()
    greedy_inputs: Sequence[str] = ()
    uniform: Sequence[Marked] = ()
    published: Sequence[Marked] = ()
    saved: Sequence[Marked] = ()
    measured: Sequence[Measured] = ()
    metric: str = "accuracy"
    full: float | None = None


def axis(scene: Scene) -> tuple[str, float]:
    """Unit of the cost axis, and how many of the cost table's units it is."""
    highest = scene.frontier.cost[-1]
    if scene.question.cost == "size":
        return ("kB", 1e3) if highest < 1e6 else ("MB", 1e6)
    if scene.question.cost == "bops" and highest < 1e8:
        return ("MBOPs", 1e6)
    return UNITS[scene.question.cost]


def view(
    scene: Scene, measured: Sequence[Measured] = (), full: float | None = None, metric: str = "accuracy"
) -> FrontierView:
    """What is drawn of a scene, and what was measured along its frontier."""
    unit, scale = axis(scene)
    frontier, points, set_b, greedy = scene.frontier, scene.points, scene.set_b, scene.greedy
    chosen = bool(frontier.problem.a_menu)
    stderr = frontier.stderr()[points]
    omega = frontier.omega[points]
    empty = np.empty(0)
    own = scene.question.cost == "latency" and bool(scene.question.latencies)
    return FrontierView(
        cost=frontier.cost[points] / scale,
        omega=omega,
        label="latency, your table" if own else _LABELS[scene.question.cost],
        unit=unit,
        total=len(frontier),
        exact=frontier.exact,
        changes=[_change(scene, int(place)) for place in points],
        widths=_letters(frontier.bits[points]),
        inputs=_letters(frontier.a_bits[points]) if chosen else (),
        lower=omega - stderr if stderr.any() else empty,
        upper=omega + stderr if stderr.any() else empty,
        set_b_cost=set_b.cost[scene.dots] / scale if set_b else empty,
        set_b_omega=set_b.omega[scene.dots] if set_b else empty,
        set_b_levels=_counts(scene) if set_b else empty,
        set_b_total=len(set_b) if set_b else 0,
        greedy_cost=greedy.cost / scale if greedy else empty,
        greedy_omega=greedy.omega if greedy else empty,
        greedy_widths=_letters(greedy.bits) if greedy else (),
        greedy_inputs=_letters(greedy.a_bits) if greedy and chosen else (),
        measured=measured,
        metric=metric,
        full=full,
        **{kind: [_mark(scene, plan, scale) for plan in found] for kind, found in scene.named.items()},
    )


def figure(
    view: FrontierView, *, log: bool = True, height: int = 520, damage: str = "Predicted damage"
) -> go.Figure:
    """Draw the view; few bits, small and damaged, are at the upper left.

    Args:
        damage: what Ω is called, its measure with it.
    """
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
    made.update_yaxes(title=f"{damage}, Ω", type="log" if log else "linear", exponentformat="power")
    if log:
        made.update_yaxes(dtick=1)
    made.update_layout(dragmode="zoom", uirevision="frontier", modebar={"orientation": "v"})
    if view.measured:
        _accuracies(made, view)
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
    weights, inputs = (
        "".join(WIDTH_LETTERS[bits] for bits in row.values()) for row in (plan.w_bits, plan.a_bits)
    )
    return Marked(plan.name, cost / scale, omega, weights, inputs)


def levels(scene: Scene) -> Levels | None:
    """What the dots of set B have in common; None where it is not drawn."""
    if scene.set_b is None or not len(scene.set_b):
        return None
    menu = "".join(WIDTH_LETTERS[bits] for bits in scene.frontier.problem.menu)
    return Levels(tuple(_order(scene)), _letters(scene.set_b.bits[:1])[0], menu)


def _order(scene: Scene) -> list[int]:
    assert scene.set_b is not None
    places = {name: place for place, name in enumerate(scene.set_b.blocks)}
    return [places[name] for name in reversed(scene.set_b.order)]


def _counts(scene: Scene) -> np.ndarray:
    """(M, k) how many blocks of set B's order have each width, for the dots that are drawn."""
    assert scene.set_b is not None
    bits = scene.set_b.bits[scene.dots][:, _order(scene)]
    counts = [(bits == width).sum(axis=1) for width in scene.frontier.problem.menu]
    return np.stack(counts, axis=1).astype(np.uint16)


def _letters(bits: np.ndarray) -> list[str]:
    """A text a plan, a letter a block."""
    letters = np.array([WIDTH_LETTERS.get(width, "0") for width in range(33)])
    return ["".join(row) for row in letters[bits]]


def _said_of(widths: Sequence[str], inputs: Sequence[str], changes: Sequence[str] = ()) -> list[list[str]]:
    """What a card says of each of many plans: what it changes, its widths, those of its activations."""
    nothing = [""] * len(widths)
    return [list(row) for row in zip(changes or nothing, widths, inputs or nothing, strict=True)]


def _set_b(made: go.Figure, view: FrontierView) -> None:
    made.add_scattergl(
        x=view.set_b_cost.astype(np.float32),
        y=view.set_b_omega.astype(np.float32),
        mode="markers",
        marker={"size": 4, "color": look.MUTED, "opacity": 0.35},
        name=f"set B, {_plans(view.set_b_total)}",
        meta="set B",
        customdata=view.set_b_levels if len(view.set_b_levels) else None,
        hovertemplate=f"set B<br>%{{x:,.4~r}} {view.unit}<br>Ω %{{y:.3g}}<extra></extra>",
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
        customdata=_said_of(view.greedy_widths, view.greedy_inputs) or None,
        hovertemplate=f"greedy<br>%{{x:,.4~r}} {view.unit}<br>Ω %{{y:.3g}}<extra></extra>",
    )


def _frontier(made: go.Figure, view: FrontierView) -> None:
    total = view.total or len(view.cost)
    drawn = f", {len(view.cost):,} drawn" if len(view.cost) < total else ""
    made.add_scattergl(
        x=view.cost.astype(np.float32),
        y=view.omega.astype(np.float32),
        mode="markers",
        marker={"size": 6, "color": look.WEIGHTS},
        name=f"{'exact ' if view.exact else ''}frontier, {_plans(total)}{drawn}",
        meta="frontier",
        customdata=_said_of(view.widths, view.inputs, view.changes) or None,
        hovertemplate=f"%{{x:,.4~r}} {view.unit}, Ω %{{y:.3g}}"
        + ("<br>%{customdata[0]}<extra></extra>" if view.changes else "<extra></extra>"),
    )


def _accuracies(made: go.Figure, view: FrontierView) -> None:
    """Measured accuracies with one standard error either way, against an axis at the right."""
    dots = view.measured
    made.add_scattergl(
        x=np.array([dot.cost for dot in dots], dtype=np.float32),
        y=[dot.accuracy * 100 for dot in dots],
        error_y={"array": [dot.stderr * 100 for dot in dots], "thickness": 2, "width": 5},
        mode="lines+markers",
        line={"width": 1, "dash": "dot", "color": look.ACCENT},
        marker={"symbol": "circle-open", "size": 10, "color": look.ACCENT, "line": {"width": 2}},
        name=f"{view.metric}, measured (right)",
        meta="measured",
        yaxis="y2",
        customdata=[
            [look.percent_text(dot.accuracy, dot.stderr), widths, inputs]
            for dot, (_, widths, inputs) in zip(
                dots, _said_of([dot.widths for dot in dots], [dot.inputs for dot in dots]), strict=True
            )
        ],
        hovertemplate=f"%{{x:,.4~r}} {view.unit}<br>measured %{{customdata[0]}}<extra></extra>",
    )
    if view.full is not None:
        made.add_shape(
            type="line",
            xref="paper",
            x0=0,
            x1=1,
            yref="y2",
            y0=view.full * 100,
            y1=view.full * 100,
            line={"color": look.ACCENT, "width": 1, "dash": "dash"},
            label={"text": "FP32", "textposition": "start", "font": {"color": look.ACCENT}},
        )
    made.update_layout(
        margin={"r": _BESIDE_MODE_BAR},
        yaxis2={  # without a title, which would lie under the mode bar: the legend says what it is
            "overlaying": "y",
            "side": "right",
            "showgrid": False,
            "tickmode": "auto",
            "ticksuffix": " %",
            "tickfont": {"color": look.ACCENT},
        },
    )


def _plans(number: int) -> str:
    return "1 plan" if number == 1 else f"{number:,} plans"


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
    middle = max(plan.cost for plan in plans) / 2
    # In WebGL as the clouds are: what is drawn as SVG lies below them.
    made.add_scattergl(
        # As coarse as the clouds, or a frontier of one plan would be spread over the difference in rounding.
        x=np.array([plan.cost for plan in plans], dtype=np.float32),
        y=np.array([plan.omega for plan in plans], dtype=np.float32),
        mode="markers+text" if len(plans) <= 10 else "markers",
        text=[plan.name for plan in plans] if len(plans) <= 10 else None,
        textposition=["top left" if plan.cost > middle else "top right" for plan in plans],
        textfont={"size": 13, "color": look.INK},  # over the clouds the mark's own colour is hard to read
        marker={"symbol": symbol, "size": 14, "color": colour, "line": {"width": 1.5, "color": "white"}},
        customdata=_said_of([plan.widths for plan in plans], [plan.inputs for plan in plans]),
        hovertext=[plan.name for plan in plans],
        hovertemplate=f"<b>%{{hovertext}}</b><br>%{{x:,.4~r}} {unit}<br>Ω %{{y:.3g}}<extra></extra>",
        name=f"{kind} plans",
        meta=kind,
    )
