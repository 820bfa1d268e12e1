"""Pictures of lesson 1: a format on the number line, ranges and digits of formats, energy, errors on a real tensor."""

from collections.abc import Mapping, Sequence

import numpy as np

from explorer.figures import look
from explorer.figures.drawing import Drawing


def line_figure(
    values: Sequence[float], x: float, stored: float, end: float, *, height: int = 230
) -> Drawing:
    """The numbers of a format up to an end, a real number above them, and where it is rounded to."""
    made = look.blank(height)
    shown = [value for value in values if value <= end]
    made.add_scatter(
        x=shown,
        y=[0.0] * len(shown),
        mode="markers",
        name="numbers of the format",
        marker={"symbol": "line-ns", "size": 26, "line": {"width": 2, "color": look.WEIGHTS}},
        hovertemplate="%{x}<extra></extra>",
    )
    made.add_scatter(
        x=[x, stored],
        y=[0.7, 0.0],
        mode="lines+markers+text",
        name="x and what is stored",
        text=[f"x = {x:g}", f"{stored:g}"],
        textposition=["top center", "bottom center"],
        textfont={"size": 15, "color": look.INK},
        line={"color": look.ACCENT, "width": 2},
        marker={"size": [12, 14], "color": look.ACCENT, "symbol": ["circle", "diamond"]},
        hovertemplate="%{x}<extra></extra>",
    )
    made.update_xaxes(title="value", range=[-0.02 * end, end * 1.02])
    return made.update_yaxes(visible=False, range=[-0.9, 1.6], fixedrange=True)


def ranges_figure(rows: Sequence[tuple[str, float, float, int]], mark: str, *, height: int = 400) -> Drawing:
    """Formats as bars from the smallest normal to the largest number, in decimal logarithms, digits beside them.

    Args:
        rows: name, log10 of the smallest normal and of the largest number, significant binary digits.
        mark: the reader's own.
    """
    made = look.blank(height)
    made.add_bar(
        x=[high - low for _, low, high, _ in rows],
        y=[name for name, *_ in rows],
        base=[low for _, low, *_ in rows],
        orientation="h",
        marker={"color": [look.ACCENT if name == mark else look.WEIGHTS for name, *_ in rows]},
        text=[f"t = {digits}" for *_, digits in rows],
        textposition="auto",
        textangle=0,
        insidetextanchor="middle",
        customdata=[[low, high] for _, low, high, _ in rows],
        hovertemplate="10^%{customdata[0]:.1f} to 10^%{customdata[1]:.1f}<extra>%{y}</extra>",
        showlegend=False,
    )
    made.update_xaxes(title="log₁₀ of the normal numbers", range=[-60, 60])
    return made.update_yaxes(title="format", autorange="reversed")


def bars_figure(
    values: Mapping[str, float], unit: str, marks: Sequence[str], *, height: int = 380
) -> Drawing:
    """Bars on a logarithmic axis with their numbers; those that are compared stand out."""
    made = look.blank(height)
    made.add_bar(
        x=list(values),
        y=list(values.values()),
        text=[f"{value:g}" for value in values.values()],
        textposition="outside",
        textfont={"color": look.INK},
        marker={"color": [look.ACCENT if name in marks else look.WEIGHTS for name in values]},
        hovertemplate="%{x}: %{y} " + unit + "<extra></extra>",
        showlegend=False,
    )
    top, low = max(values.values()), min(values.values())
    return made.update_yaxes(
        title=unit, type="log", range=[float(np.log10(low / 3)), float(np.log10(top * 4))], dtick=1
    )
