"""Weights of a layer on their grid: how many stand on each level, without training and after it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look

_MOST_LEVELS = 256  # of 8 bits; wider grids are not drawn level by level


@dataclass(frozen=True)
class LevelsView:
    """Shares of the weights on the levels of a grid, which both have.

    Attributes:
        levels: whole numbers, ascending.
        before, after: share of the weights on each, without training and after it.
        moved: share of the weights whose level is another one after training.
    """

    levels: tuple[int, ...]
    before: tuple[float, ...]
    after: tuple[float, ...]
    moved: float


def view(levels: Sequence[int], before: np.ndarray, after: np.ndarray) -> LevelsView | None:
    """The shares; None where the grid has too many levels to be drawn.

    Args:
        levels: of the grid, ascending.
        before, after: level of every weight, whole numbers of one shape.
    """
    if len(levels) > _MOST_LEVELS or not before.size:
        return None
    shares = []
    for values in (before, after):
        found = dict(zip(*(each.tolist() for each in np.unique(values, return_counts=True)), strict=True))
        shares.append(tuple(found.get(level, 0) / before.size for level in levels))
    return LevelsView(tuple(levels), shares[0], shares[1], float((before != after).mean()))


def figure(of: LevelsView, *, height: int = 300) -> go.Figure:
    """Draw both histograms side by side on every level."""
    made = look.blank(height)
    for name, shares, colour, pattern in (
        ("without training", of.before, look.BIT_COLOURS[3], "/"),
        ("after training", of.after, look.WEIGHTS, ""),
    ):
        made.add_bar(
            x=list(of.levels),
            y=[100 * share for share in shares],
            name=name,
            marker={"color": colour, "pattern": {"shape": pattern}},
            showlegend=True,
            hovertemplate=f"{name}<br>level %{{x}}<br>%{{y:.2f}} % of the weights<extra></extra>",
        )
    made.update_layout(barmode="group")
    made.update_xaxes(title="level (whole number that is stored)", dtick=1 if len(of.levels) <= 16 else None)
    made.update_yaxes(title="weights (%)")
    return made
