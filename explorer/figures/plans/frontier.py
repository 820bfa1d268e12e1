"""Cost against damage: every plan of set B as a dot, the exact frontier, uniform, published and saved plans.

The current plan is not drawn: it would make every click another figure, and the chart would lose its zoom. The
page puts a handle over the chart instead.

Each trace of plans says in ``meta`` what it is ("frontier", "set B", "uniform", "published", "saved", "greedy"), so
that a click is a kind and the number of a point.
"""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look
from explorer.figures.plans.frontier_view import FrontierView, Marked

_LETTER = 0.016  # width of one, as a share of the axis
_BESIDE_MODE_BAR = 70  # pixels at the right for numbers and, further out, the mode bar


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
        _marked(made, kind, plans, symbol, colour, view)
    made.update_xaxes(title=f"{view.label} ({view.unit})", rangemode="tozero")
    made.update_yaxes(title=f"{damage}, Ω", type="log" if log else "linear", exponentformat="power")
    if log:
        made.update_yaxes(dtick=1)
    made.update_layout(dragmode="zoom", uirevision="frontier", modebar={"orientation": "v"})
    if view.measured:
        _accuracies(made, view)
    return made


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


def _beside(plan: Marked, view: FrontierView) -> str:
    """Where the name of a plan stands: above the clouds at the right, and where there is no room at the left.

    There it is above, too, but below for a plan that no other is below: nothing is drawn under the frontier.
    """
    highest = max(view.cost.max(initial=0), plan.cost)
    if plan.cost + len(plan.name) * _LETTER * highest <= highest:
        return "top right"
    return "bottom left" if plan.omega <= view.omega.min(initial=plan.omega) else "top left"


def _marked(
    made: go.Figure, kind: str, plans: Sequence[Marked], symbol: str, colour: str, view: FrontierView
) -> None:
    if not plans:
        return
    # In WebGL as the clouds are: what is drawn as SVG lies below them.
    made.add_scattergl(
        # As coarse as the clouds, or a frontier of one plan would be spread over the difference in rounding.
        x=np.array([plan.cost for plan in plans], dtype=np.float32),
        y=np.array([plan.omega for plan in plans], dtype=np.float32),
        mode="markers+text" if len(plans) <= 10 else "markers",
        text=[plan.name for plan in plans] if len(plans) <= 10 else None,
        textposition=[_beside(plan, view) for plan in plans],
        textfont={"size": 13, "color": look.INK},  # over the clouds the mark's own colour is hard to read
        marker={"symbol": symbol, "size": 14, "color": colour, "line": {"width": 1.5, "color": "white"}},
        customdata=_said_of([plan.widths for plan in plans], [plan.inputs for plan in plans]),
        hovertext=[plan.name for plan in plans],
        hovertemplate=f"<b>%{{hovertext}}</b><br>%{{x:,.4~r}} {view.unit}<br>Ω %{{y:.3g}}<extra></extra>",
        name=f"{kind} plans",
        meta=kind,
    )
