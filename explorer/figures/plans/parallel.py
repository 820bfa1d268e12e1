"""Plans and runs as lines across parallel axes: bits of every block, size, predicted damage, accuracy, latency.

A stretch of an axis that is drawn over with the pointer keeps the lines that pass through it (a brush); the others turn
grey. What is not known of a candidate lies below the axis, at "–", so that its line goes on. Each axis carries in
``name`` what it is of, which is what brushes are told by.
"""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer.figures import look

QUANTITIES: Mapping[str, tuple[str, float]] = {
    "size": ("size (kB)", 1e3),
    "omega": ("Ω", 1.0),
    "accuracy": ("{metric} (%)", 0.01),
    "loss": ("loss", 1.0),
    "latency": ("latency (ms)", 1.0),
}
"""What axes are called, and the unit that they are drawn in."""

BITS = "bits of "  # begins the name of an axis of widths
_BELOW = 0.14  # of an axis' length, for what is not known
_LONGEST = 22  # characters of a block's name
_LEVEL = 5  # axes at most whose names have room beside each other
_LABELS = 130  # pixels above the axes for slanted names of blocks


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        name: what it is of, for brushes.
        label: written above it.
        values: one a candidate, in the unit; None where it is not known.
        unit: that the values are drawn in.
        log: whether decades are drawn equally long; values that are not positive then count as unknown.
        bits: whether the values are widths, each of which is a tick.
    """

    name: str
    label: str
    values: tuple[float | None, ...]
    unit: float = 1.0
    log: bool = False
    bits: bool = False


@dataclass(frozen=True)
class View:
    """Lines across axes.

    Attributes:
        names: of the candidates.
        axes: from left to right.
        colour: the axis by whose value lines are coloured.
    """

    names: tuple[str, ...]
    axes: tuple[Axis, ...]
    colour: str


def view(
    names: Sequence[str],
    widths: Mapping[tuple[str, ...], Sequence[int]],
    numbers: Mapping[str, Sequence[float | None]],
    metric: str = "accuracy",
) -> View:
    """The view of candidates.

    Args:
        widths: blocks that are alike in all candidates to the weight bits of each candidate.
        numbers: one of `QUANTITIES` to its values, shares for accuracies; one that nobody has is left out.
        metric: what an accuracy is called.
    """
    axes = [
        Axis(f"{BITS}{blocks[0]}", _of(blocks), tuple(map(float, found)), bits=True)
        for blocks, found in widths.items()
    ]
    for name, (label, unit) in QUANTITIES.items():
        values = tuple(None if value is None else value / unit for value in numbers.get(name, ()))
        if any(value is not None for value in values):
            axes.append(Axis(name, label.format(metric=metric), values, unit, log=name == "omega"))
    known = [axis.name for axis in axes if axis.name in ("accuracy", "size")]
    return View(tuple(names), tuple(axes), max(known, key="size accuracy".index, default=axes[-1].name))


def figure(of: View, *, height: int = 460) -> go.Figure:
    """Draw the lines, coloured from burnt orange (low) to blue (high), grey where that is not known."""
    made = look.blank(height)
    dimensions = [_dimension(axis) for axis in of.axes]
    slanted = len(dimensions) > _LEVEL
    coloured = next(axis for axis in of.axes if axis.name == of.colour)
    known = [value for value in coloured.values if value is not None]
    low, high = min(known, default=0.0), max(known, default=1.0)
    high = high if high > low else low + 1
    nowhere = low - _BELOW * (high - low)  # where the scale is grey
    grey = _BELOW / (1 + _BELOW)
    made.add_trace(
        go.Parcoords(
            dimensions=dimensions,
            line={
                "color": [nowhere if value is None else value for value in coloured.values],
                "colorscale": [
                    [0, look.MUTED],
                    [grey / 2, look.MUTED],
                    [grey / 2, look.BIT_COLOURS[2]],
                    [(1 + grey) / 2, "#b9a06b"],
                    [1, look.BIT_COLOURS[8]],
                ],
                "cmin": nowhere,
                "cmax": high,
            },
            labelangle=-30 if slanted else 0,
            labelfont={"size": 12, "color": look.INK},
            tickfont={"size": 11, "color": look.INK},
            rangefont={"size": 1, "color": "rgba(0,0,0,0)"},  # the ticks say it
            unselected={"line": {"color": look.MUTED, "opacity": 0.15}},
        )
    )
    made.update_layout(
        margin={"l": 60, "r": 110 if slanted else 60, "t": _LABELS if slanted else 60, "b": 30}
    )
    return made


def alt(of: View) -> str:
    """What the picture shows, for those who cannot see it."""
    return f"{len(of.names)} candidates as lines across {len(of.axes)} axes: {', '.join(a.label for a in of.axes)}"


def drawn_range(axis: Axis, stretch: tuple[float, float]) -> tuple[float, float]:
    """A stretch of an axis as values that are not in its unit, from how it is drawn."""
    low, high = (10**end if axis.log else end for end in stretch)
    return low * axis.unit, high * axis.unit


def _dimension(axis: Axis) -> dict[str, object]:
    values = [_height(axis, value) for value in axis.values]
    known = [value for value in values if value is not None]
    if not known:  # nothing but zeros on a logarithmic axis
        known = [0.0]
    low, high = min(known), max(known)
    length = (high - low) or max(abs(high) * 0.1, 1.0)
    if high == low:
        low, high = low - length / 2, high + length / 2
    missing = low - _BELOW * length
    ticks = sorted(set(known)) if axis.bits or len(set(known)) <= 5 else _even(low, high)
    if axis.bits:
        texts = [f"{value:.0f}" for value in ticks]
    else:
        texts = [_text(10**tick if axis.log else tick) for tick in ticks]
    unknown = any(value is None for value in values)
    return {
        "name": axis.name,
        "label": axis.label,
        "values": [missing if value is None else value for value in values],
        "range": [missing if unknown else low, high],
        "tickvals": [*([missing] if unknown else []), *ticks],
        "ticktext": [*(["–"] if unknown else []), *texts],
    }


def _height(axis: Axis, value: float | None) -> float | None:
    if value is None or not math.isfinite(value):
        return None
    if not axis.log:
        return value
    return math.log10(value) if value > 0 else None


def _of(blocks: Sequence[str]) -> str:
    """Name of a group: its only block, or the first and how many more."""
    first = (
        html.escape(blocks[0])
        if len(blocks[0]) <= _LONGEST
        else "…" + html.escape(blocks[0][-_LONGEST + 1 :])
    )
    return first if len(blocks) == 1 else f"{first} + {len(blocks) - 1} more"


def _even(low: float, high: float, count: int = 5) -> list[float]:
    return [low + (high - low) * place / (count - 1) for place in range(count)]


def _text(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
