"""The network as a skyline: one box a block, in depth order.

A box is as tall as the feature map its block makes (square root of the side) and as wide as its channels
(square root). Its colour says how large a share of all weights it holds, or how many bits a plan gives it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import plotly.graph_objects as go

from explorer.blocks import Block
from explorer.figures import look


@dataclass(frozen=True)
class Box:
    """One block: where it stands, how large it is, what is written on it."""

    name: str
    left: float
    width: float
    height: float
    share: float
    bits: int | None
    hover: str


def view(blocks: Sequence[Block], bits: Mapping[str, int] | None = None) -> tuple[Box, ...]:
    """Lay the blocks out from left to right.

    Args:
        bits: block to weight bits; without it colours show each block's share of the weights.
    """
    total = sum(block.weights for block in blocks)
    boxes, left = [], 0.0
    for block in blocks:
        shape = block.layers[-1].output_shape
        channels = shape[0] if shape else sqrt(block.weights)
        side = shape[-1] if len(shape) > 1 else 1
        width = max(sqrt(channels), 2.5)
        share = block.weights / total
        boxes.append(
            Box(
                name=block.name,
                left=left,
                width=width,
                height=sqrt(side) if shape else 3.0,
                share=share,
                bits=bits[block.name] if bits else None,
                hover=_hover(block, share, bits),
            )
        )
        left += width + 1.2
    return tuple(boxes)


def figure(boxes: Sequence[Box], *, height: int = 260) -> go.Figure:
    """Draw the boxes; a click returns the block's name."""
    made = look.blank(height)
    made.add_bar(
        x=[box.left + box.width / 2 for box in boxes],
        y=[box.height for box in boxes],
        base=[-box.height / 2 for box in boxes],
        width=[box.width for box in boxes],
        customdata=[[box.name] for box in boxes],
        marker=_marker(boxes),
        hovertext=[box.hover for box in boxes],
        hovertemplate="%{hovertext}<extra></extra>",
        showlegend=False,
    )
    if boxes and boxes[0].bits is not None:
        _bits_legend(made, sorted({box.bits for box in boxes if box.bits is not None}))
    made.update_xaxes(
        tickvals=[box.left + box.width / 2 for box in boxes],
        ticktext=[box.name for box in boxes],
        tickangle=-45,
        showgrid=False,
        tickfont={"size": 11},
    )
    made.update_yaxes(visible=False, fixedrange=True)
    made.update_layout(margin={"l": 10, "r": 10, "t": 10, "b": 10})
    return made


def _marker(boxes: Sequence[Box]) -> dict[str, Any]:
    if boxes and boxes[0].bits is not None:
        return {"color": [look.BIT_COLOURS[box.bits or 32] for box in boxes], "line": {"width": 0}}
    bar = {"title": {"text": "share of<br>all weights"}, "tickformat": ".0%", "thickness": 12}
    return {
        "color": [box.share for box in boxes],
        "colorscale": [[0, "#bfe3dc"], [1, look.WEIGHTS]],
        "cmin": 0,
        "colorbar": bar,
        "line": {"width": 0},
    }


def _bits_legend(made: go.Figure, widths: Sequence[int]) -> None:
    for bits in widths:
        made.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            marker={"symbol": "square", "size": 12, "color": look.BIT_COLOURS[bits]},
            name=f"{bits} bits" if bits < 32 else "FP32",
        )


def _hover(block: Block, share: float, bits: Mapping[str, int] | None) -> str:
    lines = [f"<b>{block.name}</b> ({block.kind})", f"{block.weights:,} weights, {share:.1%} of all"]
    if block.layers[-1].output_shape:
        lines.append("makes " + " × ".join(str(s) for s in block.layers[-1].output_shape))
    if block.macs:
        lines.append(f"{look.count_text(block.macs)}MACs an image")
    if bits:
        lines.append(f"{bits[block.name]} bits")
    return "<br>".join(lines)
