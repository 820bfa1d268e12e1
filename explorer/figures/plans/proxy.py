"""Predicted damage against the measured rise of the loss, one panel a measure, both on log axes.

A panel's dotted line is ½Ω where Ω is in units of the loss, so that the second-order prediction is on it. A rise
that was measured as a fall stands at its size, hollow; a plan whose Ω is not positive is left out and counted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from explorer.figures import look

LABELS: Mapping[str, str] = {
    "trace": "mean trace × ‖ΔW‖² (HAWQ-V2)",
    "lambda-max": "largest eigenvalue × ‖ΔW‖² (HAWQ)",
    "l2": "‖ΔW‖² alone",
    "product": "ΔWᵀHΔW",
    "interactions": "ΔWᵀHΔW with its terms between blocks",
}
_IN_UNITS_OF_THE_LOSS = ("trace", "product", "interactions")
_KINDS = (  # the first that a plan has a role of is how it is drawn
    ("least Ω by one of the measures", ("least",), look.WEIGHTS, "circle"),
    ("large Ω at the same size", ("most", "set B"), look.ACCENT, "triangle-up"),
    ("all blocks alike", ("uniform",), look.BIT_COLOURS[8], "diamond"),
    ("random", ("random",), look.TEXT_ON_BOTH, "square"),
)
_FALL = {"size": 8, "color": look.TEXT_ON_BOTH, "symbol": "circle-open"}
_ROW, _TITLE, _AXIS = 410, 74, 82  # pixels: a row of panels, of it the title above a panel and the axis below


@dataclass(frozen=True)
class Dot:
    """One plan in one panel.

    Attributes:
        kind: place in the legend.
        omega, omega_stderr: predicted.
        rise, rise_stderr: of the loss, measured.
        hover: what the plan is.
    """

    kind: str
    omega: float
    omega_stderr: float
    rise: float
    rise_stderr: float
    hover: str


@dataclass(frozen=True)
class Panel:
    """One measure: its plans, its rank correlations in words, and how many plans are left out."""

    measure: str
    dots: tuple[Dot, ...]
    title: str
    left_out: int = 0


def view(result: Mapping[str, Any], metric: str = "accuracy") -> tuple[Panel, ...]:
    """From the result of a ``proxy`` run."""
    panels = []
    for measure, omegas in result["omega"].items():
        errors = result["omega_stderr"][measure]
        dots = [
            Dot(_kind(plan), omega, error, plan["rise"], plan["rise_stderr"], _hover(plan, result, metric))
            for plan, omega, error in zip(result["plans"], omegas, errors, strict=True)
            if omega > 0
        ]
        title = f"<b>{LABELS.get(measure, measure)}</b><br>{_words(result['agreement'][measure])}"
        panels.append(Panel(measure, tuple(dots), title, len(omegas) - len(dots)))
    return tuple(panels)


def figure(panels: Sequence[Panel]) -> go.Figure:
    """Draw the panels, two in a row, over axes of the rise that move together."""
    rows = -(-len(panels) // 2)
    height = _ROW * max(rows, 1)
    made = look.blank(height)
    rises = [abs(dot.rise) for panel in panels for dot in panel.dots if dot.rise]
    for number, panel in enumerate(panels):
        suffix = "" if number == 0 else str(number + 1)
        column, row = number % 2, number // 2
        x, y = (
            _domain(column, 2, 0.07),
            _domain(rows - 1 - row, rows, (_TITLE + _AXIS) / height, 1 - _TITLE / height),
        )
        for kind, _, colour, symbol in _KINDS:
            for fall in (False, True):
                chosen = [dot for dot in panel.dots if dot.kind == kind and (dot.rise < 0) == fall]
                if chosen:
                    _dots(made, chosen, kind, colour, f"{symbol}-open" if fall else symbol, suffix)
        if panel.measure in _IN_UNITS_OF_THE_LOSS and panel.dots and rises:
            _prediction(made, panel, suffix, min(rises))
        left_out = f" ({panel.left_out} plans with Ω ≤ 0 left out)" if panel.left_out else ""
        made.update_layout(
            {
                f"xaxis{suffix}": {"domain": x, "anchor": f"y{suffix}", "type": "log", "dtick": 1}
                | {"exponentformat": "power", "title": {"text": f"predicted damage Ω{left_out}"}},
                f"yaxis{suffix}": {"domain": y, "anchor": f"x{suffix}", "type": "log", "dtick": 1}
                | {"exponentformat": "power", "title": {"text": "rise of the loss" if column == 0 else ""}}
                | ({} if number == 0 else {"matches": "y"}),
            }
        )
        made.add_annotation(
            text=panel.title,
            x=x[0],
            y=y[1],
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            align="left",
            showarrow=False,
            font={"size": 13, "color": look.TEXT_ON_BOTH},
        )
    if any(dot.rise < 0 for panel in panels for dot in panel.dots):
        made.add_scatter(x=[None], y=[None], mode="markers", name="hollow: the loss fell", marker=_FALL)
    made.update_layout(legend={"y": 1.0}, margin={"t": 50}, uirevision="proxy")
    return made


def _domain(place: int, count: int, gap: float, end: float = 1.0) -> list[float]:
    each = (end - gap * (count - 1)) / count
    return [place * (each + gap), place * (each + gap) + each]


def _dots(made: go.Figure, dots: Sequence[Dot], kind: str, colour: str, symbol: str, suffix: str) -> None:
    shown = any(trace.name == kind for trace in made.data)
    made.add_scatter(
        x=[dot.omega for dot in dots],
        y=[abs(dot.rise) for dot in dots],
        error_x=_bars([(dot.omega, dot.omega_stderr) for dot in dots], colour),
        error_y=_bars([(dot.rise, dot.rise_stderr) for dot in dots], colour),
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
        mode="markers",
        marker={"size": 8, "color": colour, "symbol": symbol, "opacity": 0.85},
        name=kind,
        legendgroup=kind,
        showlegend=not shown,
        hovertext=[f"{dot.hover}<br>Ω = {dot.omega:.3g} ± {dot.omega_stderr:.1g}" for dot in dots],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _bars(values: Sequence[tuple[float, float]], colour: str) -> dict[str, Any]:
    """One standard error; on the log axis the lower end stops at a tenth of the value."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [error for _, error in values],
        "arrayminus": [min(error, 0.9 * abs(value)) for value, error in values],
        "thickness": 1,
        "width": 0,
        "color": look.faded(colour, 0.55),
    }


def _prediction(made: go.Figure, panel: Panel, suffix: str, least: float) -> None:
    ends = [min(dot.omega for dot in panel.dots), max(dot.omega for dot in panel.dots)]
    ends[0] = max(ends[0], 2 * least)
    name = "½Ω, the second-order prediction"
    made.add_scatter(
        x=ends,
        y=[end / 2 for end in ends],
        xaxis=f"x{suffix}",
        yaxis=f"y{suffix}",
        mode="lines",
        line={"color": look.MUTED, "dash": "dot", "width": 2},
        name=name,
        legendgroup=name,
        showlegend=not any(trace.name == name for trace in made.data),
        hoverinfo="skip",
    )


def _kind(plan: Mapping[str, Any]) -> str:
    roles = [kind for kind, _ in plan["roles"]]
    return next(name for name, prefixes, _, _ in _KINDS if any(role.startswith(prefixes) for role in roles))


def _hover(plan: Mapping[str, Any], result: Mapping[str, Any], metric: str) -> str:
    lines = [
        f"<b>{', '.join(dict.fromkeys(kind for kind, _ in plan['roles']))}</b>",
        f"{look.bytes_text(plan['size_bytes'])}, bits {' '.join(map(str, plan['bits']))}",
        f"loss {plan['loss']:.4f}, {plan['rise']:+.4f} ± {plan['rise_stderr']:.1g} against FP32",
    ]
    if plan["accuracy"] is not None:
        against = "" if result["accuracy"] is None else f" (FP32 {look.percent_text(result['accuracy'])})"
        lines.append(f"{metric} {look.percent_text(plan['accuracy'])}{against}")
    return "<br>".join(lines)


def _words(agreement: Mapping[str, Any]) -> str:
    all_plans = " · ".join(
        f"{name} {_correlation(agreement[key])}" for name, key in (("ρ", "spearman"), ("τ", "kendall"))
    )
    equal = _correlation(agreement["equal_size"])
    return f"{all_plans}<br>τ at equal size {equal}, {agreement['pairs']} pairs"


def _correlation(found: Mapping[str, Any]) -> str:
    value = found["value"]
    if value is None or value != value:
        return "–"
    return f"{value:.2f} ({found['low']:.2f} to {found['high']:.2f})"
