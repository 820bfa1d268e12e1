"""A plan as bars: weight bits of every block, coloured by width, with the activation bits as ticks above."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer.figures import look


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


def figure(bars: Sequence[BlockBar], *, height: int = 300) -> go.Figure:
    """Draw the bars; a click returns the block's name."""
    made = look.blank(height)
    made.add_bar(
        x=[bar.name for bar in bars],
        y=[bar.w_bits for bar in bars],
        marker={"color": [look.BIT_COLOURS[bar.w_bits] for bar in bars]},
        text=[str(bar.w_bits) for bar in bars],
        textposition="inside",
        textangle=0,
        customdata=[[bar.name] for bar in bars],
        hovertext=[
            f"<b>{bar.name}</b><br>weights {bar.w_bits} bits, activations {bar.a_bits} bits<br>"
            f"{look.bytes_text(bar.size_bytes)}"
            for bar in bars
        ],
        hovertemplate="%{hovertext}<extra></extra>",
        name="weight bits",
        showlegend=False,
    )
    made.add_scatter(
        x=[bar.name for bar in bars],
        y=[bar.a_bits for bar in bars],
        mode="markers",
        marker={"symbol": "line-ew", "size": 16, "line": {"width": 3, "color": look.ACTIVATIONS}},
        hoverinfo="skip",
        name="activation bits",
    )
    highest = max((max(bar.w_bits, bar.a_bits) for bar in bars), default=8)
    made.update_xaxes(title="block, from input to output", tickangle=-45, tickfont={"size": 12})
    made.update_yaxes(title="bits", range=[0, highest + 0.8], dtick=2 if highest <= 8 else 8)
    return made
