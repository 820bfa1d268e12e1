"""Mean Hessian trace per block with its standard error: of weights, of activations, or both over one axis.

A click on a dot returns its block's name as ``customdata``. The block in hand is not drawn here: a figure that
depended on it would lose its zoom with every click.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import plotly.graph_objects as go

from explorer.blocks import Block
from explorer.figures import block_axis, look

Order = Literal["depth", "rank"]
Of = Literal["weights", "activations"]

COLOURS: Mapping[str, str] = {"weights": look.WEIGHTS, "activations": look.ACTIVATIONS}
_ESTIMATE = "estimate ± 1 s.e."


@dataclass(frozen=True)
class Dot:
    """One block: its mean trace, Tr(H)/n, the standard error of that, and n, how many weights or activations.

    ``share`` is of the sum of all blocks' traces; ``kind`` and ``shape`` say what the block is.
    """

    name: str
    mean_trace: float
    stderr: float
    n: int
    share: float | None = None
    kind: str = ""
    shape: str = ""


@dataclass(frozen=True)
class Panel:
    """Dots of one sort, and what the legend calls them."""

    of: Of
    dots: Sequence[Dot]
    label: str = _ESTIMATE


def ranking(blocks: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Names of the blocks of a traces result, the most sensitive first."""
    return tuple(b["name"] for b in sorted(blocks, key=lambda b: b["mean_trace"], reverse=True))


def view(
    blocks: Sequence[Mapping[str, Any]],
    order: Order | Sequence[str] = "depth",
    *,
    of: Of = "weights",
    structure: Sequence[Block] = (),
) -> tuple[Dot, ...]:
    """From the ``blocks`` of a traces result.

    Args:
        order: by depth, by rank, or as these names stand.
        structure: the study's blocks, for their kinds and shapes.
    """
    known = {block.name: block for block in structure}
    total = sum(b["mean_trace"] * b["n"] for b in blocks)
    dots = []
    for b in blocks:
        kind, shape = _described(known.get(b["name"]), of)
        share = b["mean_trace"] * b["n"] / total if total > 0 else None
        dots.append(Dot(b["name"], b["mean_trace"], b["stderr"] / max(b["n"], 1), b["n"], share, kind, shape))
    if order != "depth":
        names = ranking(blocks) if order == "rank" else tuple(order)
        place = {name: i for i, name in enumerate(names)}
        dots.sort(key=lambda dot: place.get(dot.name, len(place)))
    return tuple(dots)


def published_view(
    mean_traces: Mapping[str, float],
    sizes: Mapping[str, int],
    order: Order,
    structure: Sequence[Block] = (),
) -> tuple[Dot, ...]:
    """From published figures, which come without an error."""
    blocks = [
        {"name": name, "mean_trace": value, "stderr": 0.0, "n": sizes[name]}
        for name, value in mean_traces.items()
    ]
    return view(blocks, order, structure=structure)


def figure(
    dots: Sequence[Dot],
    *,
    log: bool = True,
    order: Order = "depth",
    of: Of = "weights",
    label: str = _ESTIMATE,
    height: int = 460,
) -> go.Figure:
    """Draw one sort of dots. On the log axis a negative estimate stands at its absolute value, hollow."""
    return panels([Panel(of, dots, label)], log=log, order=order, height=height)


def panels(
    shown: Sequence[Panel], *, log: bool = True, order: Order = "depth", height: int | None = None
) -> go.Figure:
    """Draw one panel above the other over one axis of blocks, so that zoom and hover belong to both."""
    both = len(shown) > 1
    made = look.blank(height or (640 if both else 460))
    places = {dot.name: i for i, dot in enumerate(shown[0].dots)}
    for row, panel in enumerate(shown):
        label = f"{panel.of}: {panel.label}" if both else panel.label
        _dots(made, panel, label, "y" if row == 0 else f"y{row + 1}", places, log=log)
    block_axis.apply(
        made,
        [dot.name for dot in shown[0].dots],
        title="block, from input to output" if order == "depth" else "block, the most sensitive first",
        grouped=order == "depth",
    )
    made.update_xaxes(anchor=f"y{len(shown)}" if both else "y")
    for row, panel in enumerate(shown):
        top, bottom = 1 - row / len(shown), 1 - (row + 1) / len(shown)
        title = f"Tr(H)/n, {panel.of}" if both else "mean Hessian trace, Tr(H)/n (loss per weight²)"
        axis: dict[str, Any] = {
            "title": {"text": title},
            "type": "log" if log else "linear",
            "exponentformat": "power",
        }
        if log:
            sizes = [abs(dot.mean_trace) for dot in panel.dots if dot.mean_trace] or [1.0]
            axis |= {"dtick": 1} if max(sizes) > 300 * min(sizes) else look.log_ticks(min(sizes), max(sizes))
        if both:
            axis["domain"] = [bottom + (0.03 if row + 1 < len(shown) else 0), top - (0.03 if row else 0)]
        made.update_layout({"yaxis" if row == 0 else f"yaxis{row + 1}": axis})
    made.update_layout(showlegend=True)  # which says what the bars are, even of a single sort
    if both:
        made.update_layout(hovermode="x", hoversubplots="axis")
    return made


def finding(shown: Sequence[Panel]) -> str:
    """What the picture shows, in words."""
    return " ".join(_extremes(panel) for panel in shown)


def _extremes(panel: Panel) -> str:
    high = max(panel.dots, key=lambda dot: dot.mean_trace)
    low = min(panel.dots, key=lambda dot: dot.mean_trace)
    of = "Mean Hessian trace" if panel.of == "weights" else "Mean Hessian trace of the activations"
    return (
        f"{of} of {len(panel.dots)} blocks: the largest is {high.name} with {high.mean_trace:.2g}, the smallest "
        f"{low.name} with {low.mean_trace:.2g}."
    )


def _dots(
    made: go.Figure, panel: Panel, label: str, axis: str, places: Mapping[str, int], *, log: bool
) -> None:
    colour, shape = COLOURS[panel.of], look.SYMBOLS[panel.of]
    signs = ((False, label, shape), (True, "negative (drawn at its size)", f"{shape}-open"))
    for negative, name, symbol in signs:
        chosen = [dot for dot in panel.dots if (dot.mean_trace < 0) == negative and dot.name in places]
        if not chosen:
            continue
        made.add_scatter(
            x=[places[dot.name] for dot in chosen],
            y=[abs(dot.mean_trace) if log else dot.mean_trace for dot in chosen],
            yaxis=axis,
            error_y=_error_bars(chosen, log=log) if any(dot.stderr for dot in panel.dots) else None,
            mode="markers",
            marker={"size": 7, "color": colour, "symbol": symbol, "line": {"width": 2, "color": colour}},
            selected={"marker": {"size": 14, "color": look.ACCENT, "opacity": 1.0}},
            unselected={"marker": {"opacity": 1.0}},
            name=name,
            customdata=[[dot.name] for dot in chosen],
            hovertext=[_hover(dot, panel.of) for dot in chosen],
            hovertemplate="%{hovertext}<extra></extra>",
        )


def _hover(dot: Dot, of: Of) -> str:
    lines = [f"<b>{dot.name}</b>" + (f" ({dot.kind})" if dot.kind else "")]
    if dot.shape:
        lines.append(dot.shape)
    counted = "weights" if of == "weights" else "activations of one sample"
    lines.append(f"n = {dot.n:,} {counted}")
    lines.append(f"mean trace {dot.mean_trace:.3g}" + (f" ± {dot.stderr:.1g}" if dot.stderr else ""))
    trace = f"trace {dot.mean_trace * dot.n:.3g}"
    lines.append(trace if dot.share is None else f"{trace}, {dot.share:.1%} of all blocks' sum")
    return "<br>".join(lines)


def _described(block: Block | None, of: Of) -> tuple[str, str]:
    """Kind and shape of a block, as written on a card."""
    if block is None:
        return "", ""
    shapes = [layer.shape if of == "weights" else layer.input_shape for layer in block.layers]
    written = ["×".join(str(side) for side in shape) for shape in shapes if shape]
    return block.kind, " + ".join(written)


def _error_bars(dots: Sequence[Dot], *, log: bool) -> dict[str, Any]:
    """Bars of one standard error; on the log axis the lower end stops at a hundredth of the value."""
    up = [dot.stderr for dot in dots]
    down = [min(dot.stderr, 0.99 * abs(dot.mean_trace)) if log else dot.stderr for dot in dots]
    return {"type": "data", "symmetric": False, "array": up, "arrayminus": down, "thickness": 2, "width": 8}
