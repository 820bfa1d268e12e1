"""One look for every figure: colours, fonts, axes, and how numbers are written.

Bit widths run from burnt orange (few bits) to blue (many), a pair that colour-blind people tell apart; full
precision is grey. Weights are teal circles and activations violet squares everywhere. Backgrounds are transparent and
lines half-transparent grey, so one template serves light and dark pages. No one grey reads on both, so text has `INK`,
which the page replaces by the text colour of its theme; anywhere else it is as good as black.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go

from explorer.figures import drawing
from explorer.figures.drawing import Drawing

BIT_COLOURS: Mapping[int, str] = {
    1: "#8c2d04",
    2: "#cc4c02",
    3: "#ec7014",
    4: "#f4a83d",
    5: "#e6cf8a",
    6: "#a6d3e2",
    7: "#5ea8d6",
    8: "#1c6cb3",
    16: "#5b63b0",
    32: "#7a828e",
}
WEIGHTS = "#0e9384"
ACTIVATIONS = "#9a5bd6"
SYMBOLS: Mapping[str, str] = {"weights": "circle", "activations": "square"}
MUTED = (
    "#808896"  # 3.5 : 1 on the light page, 5 : 1 on the dark one: enough for lines and marks, not for text
)
ACCENT = "#e0336d"
TEXT_ON_BOTH = "#7d8795"  # for marks that are neither weights nor activations
INK = "#000037"  # Streamlit's word for the theme's text colour, which it puts in its place
TEXT_PIXELS = 14
_DIGITS = (["1", "2", "5"], range(1, 10), *(np.arange(1, 10, step).round(1) for step in (0.5, 0.2, 0.1)))
_LINE = "rgba(128, 136, 150, 0.25)"

_AXIS: Mapping[str, Any] = {
    "gridcolor": _LINE,
    "zeroline": False,
    "ticks": "outside",
    "tickcolor": _LINE,
    "automargin": True,
}
_LAYOUT: Mapping[str, Any] = {
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "margin": {"l": 70, "r": 20, "t": 20, "b": 60},
    "font": {"size": 14},
    "hoverlabel": {"font": {"size": 14}, "align": "left"},
    "xaxis": _AXIS,
    "yaxis": _AXIS,
    "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.01, "x": 0, "itemsizing": "constant"},
    "hovermode": "closest",
    "bargap": 0.15,
}
TEMPLATE = go.layout.Template(layout=_LAYOUT)

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def blank(height: int) -> Drawing:
    """An empty figure in the common look, ``height`` pixels tall."""
    return Drawing(layout={"template": {"layout": _LAYOUT}, "height": height})


def inked(figure: go.Figure) -> go.Figure:
    """The figure with every text in the theme's text colour, and `TEXT_PIXELS` tall where it has no size of its own.

    It has to be said of every axis by itself, since Streamlit's theme replaces the template. A figure's own objects are
    slow to read and to write, so what is there is read as plain data, and what is to change is written at once.
    """
    plain = drawing.plain_of(figure)
    layout = figure.layout.to_plotly_json() if plain is None else plain["layout"]
    figure.update_layout(_layout_ink(layout))
    for trace in figure.data if plain is None else plain["data"]:
        content = trace.to_plotly_json() if plain is None else trace
        if changes := _bars_ink(content):
            trace.update(changes) if plain is None else drawing.merged(trace, changes)
    return figure


def _layout_ink(layout: Mapping[str, Any]) -> dict[str, Any]:
    """What changes in a layout."""
    named = {
        kind: [name for name in layout if re.fullmatch(rf"{kind}\d*", name)]
        for kind in ("xaxis", "yaxis", "coloraxis", "scene")
    }
    axes = dict.fromkeys(("xaxis", "yaxis", *named["xaxis"], *named["yaxis"]))
    changes: dict[str, Any] = {name: _ink(layout.get(name)) for name in ("legend", "hoverlabel")}
    changes["font"] = _ink(layout)["font"]
    changes |= {name: _axis_ink(layout.get(name)) for name in axes}
    changes |= {name: {"colorbar": _axis_ink(layout[name].get("colorbar"))} for name in named["coloraxis"]}
    changes |= {
        name: {side: _axis_ink(layout[name].get(side)) for side in ("xaxis", "yaxis", "zaxis")}
        for name in named["scene"]
    }
    if notes := layout.get("annotations"):
        changes["annotations"] = [_ink(note) for note in notes]
    return changes


def _bars_ink(trace: Mapping[str, Any]) -> dict[str, Any]:
    """What changes in a trace: the bars of its colour scales."""
    changes: dict[str, Any] = {}
    if bar := trace.get("colorbar"):
        changes["colorbar"] = _axis_ink(bar)
    if bar := trace.get("marker", {}).get("colorbar"):
        changes["marker"] = {"colorbar": _axis_ink(bar)}
    return changes


def _ink(of: Mapping[str, Any] | None, name: str = "font") -> dict[str, Any]:
    """The font of a part of a layout, with what it lacks."""
    given = (of or {}).get(name) or {}
    return {name: {"color": given.get("color") or INK, "size": given.get("size") or TEXT_PIXELS}}


def _axis_ink(axis: Mapping[str, Any] | None) -> dict[str, Any]:
    """The fonts of an axis or the bar of a colour scale."""
    return _ink(axis, "tickfont") | {"title": _ink((axis or {}).get("title"))}


def faded(colour: str, opacity: float = 0.18) -> str:
    """A colour of the palette (#rrggbb) as the fill of an error band."""
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def log_ticks(low: float, high: float) -> dict[str, list[Any]]:
    """``tickvals`` and ``ticktext`` of a log axis that spans little: 1, 2 and 5 of every decade, in full.

    Plotly's own labels between decades are single digits that do not say of which decade. Where fewer than three
    would lie between low and high, there are more of every decade.
    """
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for digits in _DIGITS:
        values = [float(f"{digit}e{power}") for power in range(first, last + 1) for digit in digits]
        if sum(low <= value <= high for value in values) >= 3:
            break
    return {
        "tickvals": values,
        "ticktext": [f"{value:,.0f}" if value >= 100 else f"{value:g}" for value in values],
    }


def bytes_text(size: float) -> str:
    """A size in decimal units: 1 kB is 1,000 bytes."""
    if round(size) < 1000:
        return f"{size:,.0f} B"
    for unit, scale, decimals in (("kB", 1e3, 1), ("MB", 1e6, 2)):
        if round(size / scale, decimals) < 1000:
            return f"{size / scale:.{decimals}f} {unit}"
    return f"{size / 1e9:,.2f} GB"


def count_text(number: float) -> str:
    """A count with an SI prefix and three digits: 31 M."""
    rounded = float(f"{number:.3g}")  # first, so that 999,600 is 1 M and not 1e+03 k
    for limit, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(rounded) >= limit:
            return f"{rounded / limit:,.{3 if abs(rounded) < 1e3 * limit else 12}g} {prefix}"
    return f"{number:,.0f}"


def power_text(log10: float, sign: int = 1) -> str:
    """A number too small or too large to be written out, from its logarithm.

    >>> power_text(-108.3, -1)
    '−5.0 · 10⁻¹⁰⁹'
    """
    if log10 == -math.inf:
        return "0"
    exponent = math.floor(log10)
    mantissa = f"{10 ** (log10 - exponent):.1f}"
    if mantissa == "10.0":
        exponent, mantissa = exponent + 1, "1.0"
    return f"{'−' if sign < 0 else ''}{mantissa} · 10{str(exponent).translate(_SUPERSCRIPT)}"


def percent_text(share: float | None, error: float | None = None) -> str:
    """A share in per cent, with its standard error where it has one."""
    if share is None:
        return "–"
    return f"{share:.2%}" if error is None else f"{share * 100:.2f} ± {error * 100:.2f} %"
