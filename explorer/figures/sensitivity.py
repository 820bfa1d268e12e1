"""Mean Hessian trace per block with its standard error, on a log or linear axis."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from explorer.figures import look

Order = Literal["depth", "rank"]


@dataclass(frozen=True)
class Dot:
    """One block: its mean trace, Tr(H)/n, the standard error of that, and n, how many weights or activations."""

    name: str
    mean_trace: float
    stderr: float
    n: int


def view(blocks: Sequence[Mapping[str, Any]], order: Order = "depth") -> tuple[Dot, ...]:
    """From the ``blocks`` of a traces result, by depth or with the most sensitive first."""
    dots = [Dot(b["name"], b["mean_trace"], b["stderr"] / b["n"], b["n"]) for b in blocks]
    if order == "rank":
        dots.sort(key=lambda dot: dot.mean_trace, reverse=True)
    return tuple(dots)


def published_view(
    mean_traces: Mapping[str, float], sizes: Mapping[str, int], order: Order
) -> tuple[Dot, ...]:
    """From published figures, which come without an error."""
    blocks = [
        {"name": name, "mean_trace": value, "stderr": 0.0, "n": sizes[name]}
        for name, value in mean_traces.items()
    ]
    return view(blocks, order)


def figure(
    dots: Sequence[Dot],
    *,
    log: bool = True,
    order: Order = "depth",
    of: str = "weights",
    label: str = "estimate ± 1 s.e.",
    height: int = 460,
) -> go.Figure:
    """Draw the dots. On the log axis a negative estimate stands at its absolute value as a hollow marker."""
    made = look.blank(height)
    colour = look.WEIGHTS if of == "weights" else look.ACTIVATIONS
    signs = ((False, label, "circle"), (True, "negative (drawn at its size)", "circle-open"))
    for negative, name, symbol in signs:
        chosen = [dot for dot in dots if (dot.mean_trace < 0) == negative]
        if not chosen:
            continue
        made.add_scatter(
            x=[dot.name for dot in chosen],
            y=[abs(dot.mean_trace) if log else dot.mean_trace for dot in chosen],
            error_y=_error_bars(chosen, log=log),
            mode="markers",
            marker={"size": 6, "color": colour, "symbol": symbol, "line": {"width": 2, "color": colour}},
            name=name,
            customdata=[[dot.name] for dot in chosen],
            hovertext=[
                f"<b>{dot.name}</b><br>mean trace {dot.mean_trace:.3g} ± {dot.stderr:.1g}<br>"
                f"{dot.n:,} {of}<br>trace {dot.mean_trace * dot.n:.3g}"
                for dot in chosen
            ],
            hovertemplate="%{hovertext}<extra></extra>",
        )
    made.update_xaxes(
        title="block, from input to output" if order == "depth" else "block, the most sensitive first",
        tickangle=-45,
        categoryorder="array",
        categoryarray=[d.name for d in dots],
        tickfont={"size": 12},
    )
    made.update_yaxes(
        title="mean Hessian trace, Tr(H)/n", type="log" if log else "linear", exponentformat="power"
    )
    if log:
        made.update_yaxes(dtick=1)
    return made


def _error_bars(dots: Sequence[Dot], *, log: bool) -> dict:
    """Bars of one standard error; on the log axis the lower end stops at a hundredth of the value."""
    up = [dot.stderr for dot in dots]
    down = [min(dot.stderr, 0.99 * abs(dot.mean_trace)) if log else dot.stderr for dot in dots]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 2, "width": 8}
