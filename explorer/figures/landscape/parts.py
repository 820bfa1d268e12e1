"""What line, contour and surface pictures of the loss share: the grid of panels, titles, rings and colours."""

from collections.abc import Iterator, Mapping
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import look
from explorer.figures.landscape.views import Panel, Ring, View

MEASURED = "#1f77b4"
PREDICTED = look.ACCENT
_SIZES: Mapping[int, int] = {2: 21, 3: 17, 4: 13, 6: 9, 8: 6}


def grid(view: View, *, spacing: float = 0.08, between: float = 0.24, **options: Any) -> go.Figure:
    """Subplots, in two rows when there are more than two, with block and curvature over each."""
    rows, columns = shape(view)
    titles = [f"<b>{panel.name}</b><br>curvature {panel.words}" for panel in view.panels]
    made = make_subplots(
        rows=rows,
        cols=columns,
        subplot_titles=titles,
        horizontal_spacing=spacing,
        vertical_spacing=between,
        **options,
    )
    made.update_layout(template=look.TEMPLATE)
    made.update_annotations(font={"size": look.TEXT_PIXELS})
    return made


def shape(view: View) -> tuple[int, int]:
    """Rows and columns of panels."""
    count = len(view.panels)
    return (1, max(count, 1)) if count < 3 else (2, 2)


def places(view: View) -> list[tuple[Panel, int, int]]:
    """Every panel with its row and column."""
    columns = shape(view)[1]
    return [(panel, i // columns + 1, i % columns + 1) for i, panel in enumerate(view.panels)]


def tall(view: View, height: int) -> int:
    """The height of the whole figure, if ``height`` is that of one row."""
    return round(1.75 * height) if shape(view)[0] == 2 else height


def in_legend(made: go.Figure, name: str, line: Mapping[str, Any]) -> None:
    """An entry of the legend for what has none of its own that would be seen on the page."""
    made.add_scatter(x=[None], y=[None], mode="lines", line=line, name=name, hoverinfo="skip")


def rings_of(view: View) -> Iterator[tuple[Ring, int, int, bool]]:
    """Every ring with its place, and whether it is the first of its width, which the legend shows."""
    seen: set[int] = set()
    for panel, row, column in places(view):
        for ring in panel.rings:
            if all(abs(step) <= 1.04 * view.radius for step in ring.at):
                yield ring, row, column, ring.bits not in seen
                seen.add(ring.bits)


def ring_style(ring: Ring, legend: bool, *, solid: bool = False) -> dict[str, Any]:
    """How a ring is drawn; ``solid``: in three dimensions, which have other symbols and sizes."""
    colour = look.BIT_COLOURS[ring.bits]
    outline = {"width": 1, "color": "white"} if ring.inside else {"width": 2.5, "color": colour}
    symbol = "circle" if ring.inside else "circle-open"
    if ring.beyond:
        symbol = "diamond-open" if solid else "triangle-up-open"
    size = _SIZES.get(ring.bits, 8) * (0.6 if solid else 1)
    return {
        "mode": "markers",
        "marker": {"size": size, "color": colour, "symbol": symbol, "line": outline},
        "name": f"{ring.bits} bits",
        "legendgroup": f"{ring.bits} bits",
        "showlegend": legend,
        "hovertext": [ring.words],
        "hovertemplate": "%{hovertext}<extra></extra>",
    }


def along(axis: str) -> str:
    """The title of an axis, in lines short enough for panels side by side on a narrow screen."""
    return f"step along the<br>{axis}<br>(weight units, |ΔW|)"
