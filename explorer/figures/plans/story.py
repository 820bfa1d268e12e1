"""The whole story in one small picture: how sensitive every block is, and the bits that a plan gives it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer.figures import look


@dataclass(frozen=True)
class StoryBar:
    """One block: its mean Hessian trace, and its bits if there is a plan."""

    name: str
    mean_trace: float
    bits: int | None


def view(traces: Sequence[tuple[str, float]], bits: Mapping[str, int]) -> tuple[StoryBar, ...]:
    """Blocks from input to output; those whose trace is not positive cannot be drawn on a log axis and are left out."""
    return tuple(StoryBar(name, trace, bits.get(name)) for name, trace in traces if trace > 0)


def alt(bars: Sequence[StoryBar]) -> str:
    """What the picture shows, for those who cannot see it."""
    highest = max(bars, key=lambda bar: bar.mean_trace)
    lowest = min(bars, key=lambda bar: bar.mean_trace)
    bits = [f" ({bar.bits} bits)" if bar.bits else "" for bar in (highest, lowest)]
    return (
        f"Sensitivity of {len(bars)} blocks: {highest.name}{bits[0]} is "
        f"{highest.mean_trace / lowest.mean_trace:,.0f} times as sensitive as {lowest.name}{bits[1]}"
    )


def figure(bars: Sequence[StoryBar], *, height: int = 280) -> go.Figure:
    """Bars as tall as the block is sensitive, coloured and labelled with its bits."""
    made = look.blank(height)
    for width in sorted({bar.bits for bar in bars}, key=lambda bits: bits or 0):
        of_width = [bar for bar in bars if bar.bits == width]
        made.add_bar(
            x=[bar.name for bar in of_width],
            y=[bar.mean_trace for bar in of_width],
            marker={"color": look.WEIGHTS if width is None else look.BIT_COLOURS[width]},
            text=None if width is None else [str(width)] * len(of_width),
            textposition="outside",
            textangle=0,
            cliponaxis=False,
            hovertemplate="<b>%{x}</b><br>mean trace %{y:.3g}"
            + ("" if width is None else f"<br>{width} bits")
            + "<extra></extra>",
            name="mean trace" if width is None else f"{width} bits",
        )
    names = [bar.name for bar in bars]
    made.update_xaxes(
        title="block, from input to output",
        showticklabels=False,
        ticks="",
        categoryorder="array",
        categoryarray=names,
    )
    made.update_yaxes(title="sensitivity (mean trace)", type="log", dtick=1, exponentformat="power")
    made.update_layout(
        margin={"l": 60, "r": 10, "t": 10, "b": 40}, showlegend=len({bar.bits for bar in bars}) > 1
    )
    return made
