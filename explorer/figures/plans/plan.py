"""A plan as bars: weight bits of every block, coloured by width, activation bits as ticks, and below its size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer.figures import look

_LONGEST = 15  # letters of a name


@dataclass(frozen=True)
class BlockBar:
    """One block of a plan and the size of its packed weights in bytes."""

    name: str
    w_bits: int
    a_bits: int
    size_bytes: float


def view(bits: Mapping[str, tuple[int, int]], weights: Mapping[str, int]) -> tuple[BlockBar, ...]:
    """From block to (weight bits, activation bits) and block to number of weights."""
    return tuple(BlockBar(name, w, a, weights[name] * w / 8) for name, (w, a) in bits.items())


def figure(bars: Sequence[BlockBar], *, height: int = 300, sizes: bool = False, top: int = 0) -> go.Figure:
    """Draw the bars.

    Args:
        sizes: draw the size of each block below its bits.
        top: the height of the axis in bits, where it should not follow the plan.
    """
    made = look.blank(height)
    names = [bar.name for bar in bars]
    colours = [look.BIT_COLOURS[bar.w_bits] for bar in bars]
    hover = [
        f"<b>{bar.name}</b><br>weights {bar.w_bits} bits, activations {bar.a_bits} bits<br>"
        f"{look.bytes_text(bar.size_bytes)}"
        for bar in bars
    ]
    made.add_bar(
        x=names,
        y=[bar.w_bits for bar in bars],
        marker={"color": colours},
        text=[str(bar.w_bits) for bar in bars],
        textposition="inside",
        textangle=0,
        customdata=[[bar.name] for bar in bars],
        hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>",
        name="weight bits",
        meta="bits",
        showlegend=False,
    )
    made.add_scatter(
        x=names,
        y=[bar.a_bits for bar in bars],
        mode="markers",
        marker={"symbol": "line-ew", "size": 16, "line": {"width": 3, "color": look.ACTIVATIONS}},
        hoverinfo="skip",
        name="activation bits",
    )
    highest = max((max(bar.w_bits, bar.a_bits) for bar in bars), default=8)
    highest = max(highest, top)
    made.update_xaxes(
        title="block, from input to output",
        tickangle=-45,
        tickfont={"size": 12},
        tickvals=names,
        ticktext=[_end(name) for name in names],
    )
    made.update_yaxes(title="bits", range=[0, highest + 0.8], dtick=2 if highest <= 8 else 8)
    if sizes:
        _sizes(made, bars, colours, hover)
    return made


def _end(name: str) -> str:
    """The end of a long name, which says more than its beginning: a slanted one would not fit under its bar."""
    return name if len(name) <= _LONGEST else f"…{name[-_LONGEST + 1 :]}"


def _sizes(made: go.Figure, bars: Sequence[BlockBar], colours: Sequence[str], hover: Sequence[str]) -> None:
    largest = max((bar.size_bytes for bar in bars), default=0.0)
    unit, scale = ("MB", 1e6) if largest >= 1e6 else ("kB", 1e3)
    made.add_bar(
        x=[bar.name for bar in bars],
        y=[bar.size_bytes / scale for bar in bars],
        marker={"color": colours},
        hovertext=hover,
        hovertemplate="%{hovertext}<extra></extra>",
        name="packed weights",
        meta="sizes",
        yaxis="y2",
        showlegend=False,
    )
    made.update_layout(
        yaxis={"domain": [0.38, 1.0]},
        yaxis2={"title": unit, "domain": [0.0, 0.28], "anchor": "x", "rangemode": "tozero", "nticks": 4},
        xaxis={"anchor": "y2"},
    )
