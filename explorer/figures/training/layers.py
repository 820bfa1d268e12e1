"""What a training method tells of every layer, over the epochs: one row a layer, coloured by the number.

Step sizes and clip values differ between layers by orders of magnitude, so they are drawn as multiples of where they
started, in powers of two, on a scale whose middle is "unchanged". Shares are drawn as they are, from none to the
largest.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from explorer.figures import block_axis, look

_HEIGHT, _ROW = 130, 18  # pixels of the frame, and of a layer
_LEAST_SPAN = 0.25  # of the colours, in powers of two: smaller changes are not blown up


@dataclass(frozen=True, eq=False)
class LayerView:
    """Numbers of one kind.

    Attributes:
        quantity: what they are.
        layers: names, from input to output.
        epochs: when they were told, ascending.
        values: a row a layer, a column an epoch; None where nothing was told.
        relative: whether they are read relative to the first one of the layer.
    """

    quantity: str
    layers: tuple[str, ...]
    epochs: tuple[float, ...]
    values: tuple[tuple[float | None, ...], ...]
    relative: bool

    def shown(self) -> list[list[float | None]]:
        """The values as they are coloured: powers of two relative to the first, or percent."""
        return [_relative(row) if self.relative else [_percent(each) for each in row] for row in self.values]


def quantities(points: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Kinds of numbers that are told of some layer, in the order in which they come."""
    found: dict[str, None] = {}
    for point in points[:1]:
        for numbers in point["layers"].values():
            found |= dict.fromkeys(numbers)
    return tuple(found)


def view(points: Sequence[Mapping[str, Any]], quantity: str) -> LayerView:
    """The numbers of one kind.

    Args:
        points: with ``epoch`` and ``layers``, a mapping from layer to number by kind.
    """
    layers = [
        name
        for name in dict.fromkeys(name for point in points for name in point["layers"])
        if any(quantity in point["layers"].get(name, ()) for point in points)
    ]
    return LayerView(
        quantity=quantity,
        layers=tuple(layers),
        epochs=tuple(point["epoch"] for point in points),
        values=tuple(
            tuple(point["layers"].get(name, {}).get(quantity) for point in points) for name in layers
        ),
        relative=not quantity.startswith("share"),
    )


def figure(of: LayerView) -> go.Figure:
    """Draw the numbers of every layer over the epochs."""
    names = block_axis.short(of.layers)
    shown = of.shown()
    known = [abs(each) for row in shown for each in row if each is not None]
    largest = max(known, default=0.0)
    made = look.blank(_HEIGHT + _ROW * max(3, len(of.layers)))
    bar: dict[str, Any] = {"thickness": 14, "title": {"text": "× start" if of.relative else "%"}}
    if of.relative:
        span = max(_LEAST_SPAN, largest)
        powers = [-span, -span / 2, 0.0, span / 2, span]
        bar |= {"tickvals": powers, "ticktext": [f"{2**power:.2f}" for power in powers]}
        colours = {"colorscale": "RdBu", "reversescale": True, "zmin": -span, "zmax": span}
    else:
        colours = {"colorscale": "Cividis", "zmin": 0.0, "zmax": max(largest, 0.1)}
    unit = "" if of.relative else " (share)"
    made.add_heatmap(
        x=list(of.epochs),
        y=list(range(len(names))),
        z=shown,
        customdata=[list(row) for row in of.values],
        text=[[name] * len(of.epochs) for name in of.layers],
        hovertemplate=f"%{{text}}<br>epoch %{{x:.2f}}<br>{of.quantity}{unit} %{{customdata:.4g}}<extra></extra>",
        colorbar=bar,
        **colours,
    )
    made.update_xaxes(title="epochs")
    made.update_yaxes(
        tickvals=list(range(len(names))), ticktext=list(names), autorange="reversed", showgrid=False
    )
    return made


def _relative(row: Sequence[float | None]) -> list[float | None]:
    start = next((each for each in row if each is not None and each > 0), None)
    if start is None:
        return [None] * len(row)
    return [math.log2(each / start) if each is not None and each > 0 else None for each in row]


def _percent(value: float | None) -> float | None:
    return None if value is None else 100 * value
