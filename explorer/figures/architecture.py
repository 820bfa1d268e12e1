"""The network as a skyline: one box a block, in depth order.

A box is as tall as the feature map its block makes (square root of the side) and as wide as its channels
(square root); where nothing is convolved, as tall as the places of its output and as wide as the features there.
Its colour says how large a share of all weights it holds, or how many bits a plan gives it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import plotly.graph_objects as go

from explorer.blocks import Block
from explorer.figures import block_axis, look


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
        features, side = _extent(block) if shape else (sqrt(block.weights), 1)
        width = max(sqrt(features), 2.5)
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
    block_axis.apply(
        made,
        [box.name for box in boxes],
        title="block, from input to output",
        grouped=True,
        spans=[(box.left, box.left + box.width) for box in boxes],
    )
    made.update_yaxes(visible=False, fixedrange=True)
    highest = max((box.height for box in boxes), default=1.0)
    made.update_yaxes(range=[-highest / 2, highest * 0.72])  # with room for the names of the stages
    made.update_layout(margin={"l": 40, "r": 10, "t": 10, "b": 10})
    return made


def finding(boxes: Sequence[Box]) -> str:
    """What the picture shows, in words."""
    largest = max(boxes, key=lambda box: box.share)
    words = f"The network as {len(boxes)} blocks from {boxes[0].name} to {boxes[-1].name}"
    if largest.bits is None:
        return f"{words}; {largest.name} has the most weights, {largest.share:.0%} of all."
    widths = Counter(box.bits for box in boxes)
    return (
        f"{words}: "
        + ", ".join(f"{widths[bits]} at {bits} bits" for bits in sorted(bits for bits in widths if bits))
        + "."
    )


def words(blocks: Sequence[Block]) -> str:
    """What height and width of a box mean; a published study has no images."""
    if any(map(_convolves, blocks)):
        return "One box per block, from input to output: as tall as its output, as wide as its channels."
    if any(block.layers[-1].output_shape for block in blocks):
        return "One box per block, from input to output: as tall as its output has places, as wide as their features."
    return "One box per block, from input to output: the more weights, the wider. The publication gives no image sizes."


def _extent(block: Block) -> tuple[int, int]:
    """Channels and side of what a block makes, or features and places."""
    shape = block.layers[-1].output_shape
    first, last = shape[0], shape[-1] if len(shape) > 1 else 1
    return (first, last) if len(shape) == 1 or _convolves(block) else (last, first)


def _convolves(block: Block) -> bool:
    """Whether the first dimension of what a block makes is its channels."""
    layer = block.layers[-1]
    return len(layer.output_shape) > 2 or (bool(layer.output_shape) and "Conv" in layer.kind)


def _marker(boxes: Sequence[Box]) -> dict[str, Any]:
    if boxes and boxes[0].bits is not None:
        return {"color": [look.BIT_COLOURS[box.bits or 32] for box in boxes], "line": {"width": 0}}
    bar = {"title": {"text": "share of<br>all weights"}, "tickformat": ".0%", "thickness": 12, "nticks": 3}
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
        lines.append(f"{look.count_text(block.macs)}MACs per sample")
    if bits:
        lines.append(f"{bits[block.name]} bits")
    return "<br>".join(lines)
