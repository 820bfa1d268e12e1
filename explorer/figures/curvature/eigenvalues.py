"""Top eigenvalues per block with their errors, and two orders of the blocks side by side.

Beside each eigenvalue of the images that were drawn stands the same curvature on others: where the first is much
larger, the images drawn were fitted, not the network (`explorer.curvature.spectra.eigenresult`). A click on a dot
returns its block's name as ``customdata``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from explorer.curvature.spectra.rankings import Comparison
from explorer.estimates import Correlation
from explorer.figures import block_axis, look
from explorer.figures.curvature.sensitivity import Order

WHOLE = "whole network"
_BESIDE = 0.18  # of the room between two blocks
_FEW = 2  # places that count as about the same rank


@dataclass(frozen=True)
class Top:
    """One block's eigenvalues, the first with its sampling error and what it is on samples that were not drawn."""

    name: str
    n: int
    values: tuple[float, ...]
    stderr: float
    residual: float
    held_out: float | None = None
    held_out_stderr: float | None = None
    converged: bool = True


def view(records: Sequence[Mapping[str, Any]], order: Order = "depth") -> tuple[Top, ...]:
    """From the ``eigenvalues`` of a result; the whole network comes last in either order."""
    tops = [
        Top(
            record["block"] or WHOLE,
            record["n"],
            tuple(record["values"]),
            record["stderrs"][0] or 0.0,
            record["residuals"][0],
            record["held_out"][0],
            record["held_out_stderrs"][0],
            all(record["converged"]),
        )
        for record in records
    ]
    if order == "rank":
        tops.sort(key=lambda top: -top.values[0])
    return tuple(sorted(tops, key=lambda top: top.name == WHOLE))


def figure(tops: Sequence[Top], *, log: bool = True, order: Order = "depth", height: int = 460) -> go.Figure:
    """Draw the first eigenvalue of each block. On the log axis a negative one stands at its size, hollow."""
    made = look.blank(height)
    signs = (
        (False, "λ of the samples drawn ± 1 s.e.", "circle"),
        (True, "negative" + (" (drawn at its size)" if log else ""), "circle-open"),
    )
    for negative, name, symbol in signs:
        chosen = [(i, top) for i, top in enumerate(tops) if (top.values[0] < 0) == negative]
        if chosen:
            marker = {
                "size": 7,
                "color": look.WEIGHTS,
                "symbol": symbol,
                "line": {"width": 2, "color": look.WEIGHTS},
            }
            _dots(
                made,
                chosen,
                -_BESIDE,
                [(top.values[0], top.stderr) for _, top in chosen],
                name,
                marker,
                log=log,
            )
    tried = [(i, top) for i, top in enumerate(tops) if top.held_out is not None]
    if tried:
        values = [(top.held_out or 0.0, top.held_out_stderr or 0.0) for _, top in tried]
        marker = {"size": 7, "color": look.TEXT_ON_BOTH, "symbol": "diamond-open", "line": {"width": 1.5}}
        _dots(made, tried, _BESIDE, values, "the same direction on other samples", marker, log=log)
    block_axis.apply(
        made,
        [top.name for top in tops],
        title="block, from input to output" if order == "depth" else "block, the largest eigenvalue first",
        grouped=order == "depth",
    )
    axis: dict[str, Any] = {"type": "log" if log else "linear", "exponentformat": "power"}
    if log:
        ends = [size for top in tops for size in _ends(top) if size > 0] or [1.0]
        axis |= {"dtick": 1} if max(ends) > 300 * min(ends) else look.log_ticks(min(ends), max(ends))
    made.update_yaxes(title="largest eigenvalue λ of the Hessian (loss per weight²)", **axis)
    return made


def finding(tops: Sequence[Top]) -> str:
    """What the picture shows, in words."""
    blocks = [top for top in tops if top.name != WHOLE] or list(tops)
    high, low = (pick(blocks, key=lambda top: top.values[0]) for pick in (max, min))
    return (
        f"Largest Hessian eigenvalue, {len(blocks)} blocks: the highest is {high.name} with {high.values[0]:.3g}, the "
        f"lowest {low.name} with {low.values[0]:.3g}."
    )


def _ends(top: Top) -> tuple[float, float]:
    """The lowest and the highest of a block's two dots, as they stand on the log axis."""
    sizes = [abs(top.values[0])] + ([] if top.held_out is None else [abs(top.held_out)])
    return min(sizes), max(sizes)


def bump(comparison: Comparison, first: str, second: str, *, height: int | None = None) -> go.Figure:
    """Each block's rank by one score on the left and by the other on the right, 1 being the largest.

    HAWQ-V2's figures 1 and 6 show the two scores; lines that cross are what the change of score changes.
    """
    blocks = [score.block for score in comparison.first]
    made = look.blank(height or max(320, 90 + 19 * len(blocks)))
    for moved, colour, width, name in (
        (False, look.MUTED, 1.5, f"rank moves by at most {_FEW}"),
        (True, look.ACCENT, 2.5, f"rank moves by more than {_FEW}"),
    ):
        for i, block in enumerate(blocks):
            left, right = comparison.first_ranks[i], comparison.second_ranks[i]
            if (abs(left - right) > _FEW) != moved:
                continue
            a, b = comparison.first[i], comparison.second[i]
            made.add_scatter(
                x=[0, 1],
                y=[left, right],
                mode="lines+markers",
                line={"color": colour, "width": width},
                marker={"size": 8, "color": look.WEIGHTS},
                name=name,
                legendgroup=name,
                showlegend=not any(trace.name == name for trace in made.data),
                customdata=[[block], [block]],
                hovertext=[
                    f"<b>{block}</b><br>{first}: {a.value:.3g} ± {a.stderr:.1g}, rank {left}",
                    f"<b>{block}</b><br>{second}: {b.value:.3g} ± {b.stderr:.1g}, rank {right}",
                ],
                hovertemplate="%{hovertext}<extra></extra>",
            )
    for x, anchor, ranks in ((0, "right", comparison.first_ranks), (1, "left", comparison.second_ranks)):
        for block, rank in zip(blocks, ranks, strict=True):
            made.add_annotation(
                x=x,
                y=rank,
                text=block,
                showarrow=False,
                xanchor=anchor,
                xshift=-12 if x == 0 else 12,
            )
    made.update_xaxes(
        tickvals=[0, 1], ticktext=[first, second], range=[-0.4, 1.4], showgrid=False, side="top", ticks=""
    )
    made.update_yaxes(
        range=[len(blocks) + 0.7, 0.3], title="rank", showgrid=False, tick0=1, dtick=max(1, len(blocks) // 10)
    )
    made.update_layout(legend={"y": -0.02, "yanchor": "top"}, margin={"t": 50})
    return made


def agreement(comparison: Comparison) -> str:
    """The correlations of two orders in a sentence, with their intervals."""
    words = [
        f"{name} {_correlation(found)}"
        for name, found in (("Spearman's ρ =", comparison.spearman), ("Kendall's τ =", comparison.kendall))
    ]
    return " and ".join(words)


def _correlation(found: Correlation) -> str:
    if found.value != found.value:
        return "–"
    return f"{found.value:.2f} (95 %: {found.low:.2f} to {found.high:.2f})"


def _dots(
    made: go.Figure,
    chosen: Sequence[tuple[int, Top]],
    shift: float,
    values: Sequence[tuple[float, float]],
    name: str,
    marker: dict[str, Any],
    *,
    log: bool,
) -> None:
    heights = [abs(value) if log else value for value, _ in values]
    up = [error for _, error in values]
    down = [min(error, 0.99 * abs(value)) if log else error for value, error in values]
    made.add_scatter(
        x=[i + shift for i, _ in chosen],
        y=heights,
        error_y={
            "type": "data",
            "symmetric": False,
            "array": up,
            "arrayminus": down,
            "thickness": 1.5,
            "width": 4,
        },
        mode="markers",
        marker=marker,
        name=name,
        selected={"marker": {"size": 13, "color": look.ACCENT, "opacity": 1.0}},
        unselected={"marker": {"opacity": 1.0}},
        customdata=[[top.name] for _, top in chosen],
        hovertext=[_hover(top) for _, top in chosen],
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _hover(top: Top) -> str:
    lines = [f"<b>{top.name}</b>", f"n = {top.n:,} weights", f"λ = {top.values[0]:.4g} ± {top.stderr:.1g}"]
    if top.held_out is not None and top.held_out_stderr is not None:
        lines.append(f"on other samples {top.held_out:.4g} ± {top.held_out_stderr:.1g}")
    if len(top.values) > 1:
        lines.append("next " + ", ".join(f"{value:.4g}" for value in top.values[1:]))
    lines.append(f"λ/n = {top.values[0] / top.n:.3g}")
    lines.append(f"residual {top.residual:.1g}" + ("" if top.converged else ", not converged"))
    return "<br>".join(lines)
