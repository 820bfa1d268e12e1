"""Pictures of lesson 8: a plan as bars, plans over size and damage, numbers of plans, predicted against measured."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.figures import block_axis, look
from explorer.figures.drawing import Drawing


def bars_figure(
    parts: Sequence[str], bits: Sequence[int], best: Sequence[int] | None = None, *, height: int = 340
) -> Drawing:
    """Bits of every part in their colours; the optimum's as lines over them."""
    made = look.blank(height)
    names = block_axis.short(parts)
    made.add_bar(
        x=names,
        y=list(bits),
        text=[str(each) for each in bits],
        textposition="inside",
        insidetextanchor="start",
        marker={"color": [look.BIT_COLOURS[each] for each in bits]},
        name="yours",
        showlegend=False,
        hovertemplate="%{x}: %{y} bits<extra></extra>",
    )
    if best is not None:
        made.add_scatter(
            x=names,
            y=list(best),
            mode="markers",
            name="optimum",
            marker={
                "symbol": "line-ew-open",
                "size": 26,
                "color": look.ACCENT,
                "line": {"width": 4, "color": look.ACCENT},
            },
            hovertemplate="%{x}: optimum %{y} bits<extra></extra>",
        )
    made.update_xaxes(title="part of the network", tickangle=-50)
    return made.update_yaxes(title="bits", range=[0, 8.5], dtick=2)


@dataclass(frozen=True)
class Spot:
    """A plan: where, and how it is drawn."""

    name: str
    size: float
    omega: float
    stderr: float = 0.0
    colour: str = look.ACCENT
    symbol: str = "diamond"


def plane_figure(
    spots: Sequence[Spot],
    *,
    budget: float | None = None,
    line: tuple[np.ndarray, np.ndarray] | None = None,
    hull: np.ndarray | None = None,
    ends: tuple[float, float] | None = None,
    height: int = 340,
) -> Drawing:
    """Predicted damage against size: spots, the budget, the frontier, and what of it a price can find."""
    made = look.blank(height)
    if line is not None:
        made.add_scatter(
            x=line[0],
            y=line[1],
            mode="lines",
            name="frontier",
            line={"color": look.WEIGHTS, "width": 2, "shape": "hv"},
            hovertemplate="%{x:,.0f} B: Ω %{y:.3g}<extra></extra>",
        )
        if hull is not None:
            made.add_scatter(
                x=line[0][hull],
                y=line[1][hull],
                mode="markers",
                name="found by a price",
                marker={"color": look.WEIGHTS, "size": 7},
                hovertemplate="%{x:,.0f} B: Ω %{y:.3g}<extra></extra>",
            )
    for spot in spots:
        made.add_scatter(
            x=[spot.size],
            y=[spot.omega],
            error_y={"type": "data", "array": [spot.stderr], "thickness": 1.5} if spot.stderr else None,
            mode="markers",
            name=spot.name,
            marker={"color": spot.colour, "size": 13, "symbol": spot.symbol},
            hovertemplate=f"{spot.name}: %{{x:,.0f}} B, Ω %{{y:.3g}}<extra></extra>",
        )
    if budget is not None:
        made.add_shape(
            type="line",
            yref="paper",
            y0=0,
            y1=1,
            x0=budget,
            x1=budget,
            line={"color": look.MUTED, "dash": "dash"},
        )
    made.update_xaxes(title="size (bytes), dashed: budget" if budget else "size of the weights (bytes)")
    if ends is not None:
        made.update_xaxes(range=[0.95 * ends[0], 1.03 * ends[1]])
    made.update_yaxes(title="predicted damage Ω (nats)", type="log", exponentformat="power", dtick=1)
    if line is None:  # spots alone may lie within less than a decade, where no power of ten would be labelled
        values = [spot.omega for spot in spots if spot.omega > 0]
        made.update_yaxes(
            range=[math.log10(min(values)) - 1, math.log10(max(values)) + 1] if values else None
        )
    return made


def counts_figure(
    blocks: Sequence[int], all_plans: Sequence[float], ordered: Sequence[float], at: int
) -> Drawing:
    """log10 of the numbers of plans against the number of blocks."""
    made = look.blank(340)
    for name, values, colour, dash in (
        ("all, k^L", all_plans, look.BIT_COLOURS[3], "dash"),
        ("in order of sensitivity, |B|", ordered, look.WEIGHTS, "solid"),
    ):
        made.add_scatter(
            x=list(blocks),
            y=list(values),
            mode="lines",
            name=name,
            line={"color": colour, "width": 2, "dash": dash},
            hovertemplate="%{x} blocks: 10^%{y:.2f}<extra></extra>",
        )
        made.add_scatter(
            x=[at],
            y=[values[list(blocks).index(at)]],
            mode="markers",
            marker={"color": colour, "size": 12, "symbol": "diamond"},
            showlegend=False,
            hovertemplate="%{x} blocks: 10^%{y:.2f}<extra></extra>",
        )
    made.update_xaxes(title="blocks L")
    return made.update_yaxes(title="log₁₀ of the number of plans", rangemode="tozero")


def against_figure(
    omega: Sequence[float], rise: Sequence[float], stderr: Sequence[float], *, height: int = 380
) -> Drawing:
    """Measured rise of the loss against predicted damage, a dot a plan with its standard error."""
    made = look.blank(height)
    made.add_scatter(
        x=list(omega),
        y=list(rise),
        error_y={"type": "data", "array": list(stderr), "thickness": 1},
        mode="markers",
        name="a plan",
        marker={"color": look.WEIGHTS, "size": 8},
        hovertemplate="Ω %{x:.3g}: rise %{y:.3g}<extra></extra>",
        showlegend=False,
    )
    ends = [min(omega), max(omega)]
    made.add_scatter(
        x=ends,
        y=[each / 2 for each in ends],
        mode="lines",
        name="½ Ω, what Taylor's expansion says",
        line={"color": look.MUTED, "dash": "dot"},
        hoverinfo="skip",
    )
    made.update_xaxes(title="predicted damage Ω (nats)", type="log", exponentformat="power", dtick=1)
    return made.update_yaxes(title="measured rise of the loss (nats)")
