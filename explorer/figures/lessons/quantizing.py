"""Pictures of lesson 2: a matrix step by step, a tensor under its grid, the two errors of a clip, channels."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.lessons import levels
from explorer.lessons.quantizing import Channels, ClipCurve, Steps

STAGES = ("x", "scaled", "rounded", "stored", "back", "error")
STAGE_WORDS = {
    "x": "X, the values",
    "scaled": "scaled: s (X − lo) + qmin",
    "rounded": "rounded to whole numbers",
    "stored": "clipped: what is stored",
    "back": "dequantized: X̂",
    "error": "error: X̂ − X",
}
_WHOLE = {"rounded", "stored"}


@dataclass(frozen=True)
class Matrix:
    """A matrix to be drawn: rows of texts, and the values that colour them."""

    values: tuple[tuple[float, ...], ...]
    texts: tuple[tuple[str, ...], ...]
    title: str


def matrix_view(steps: Steps, stage: str) -> Matrix:
    """One stage of the way."""
    values = getattr(steps, stage)
    digits = 0 if stage in _WHOLE else {"scaled": 2, "x": 2, "back": 4, "error": 4}[stage]
    sign = "+" if stage == "error" else ""
    texts = tuple(tuple(f"{value:{sign}.{digits}f}".replace("-", "−") for value in row) for row in values)
    return Matrix(tuple(map(tuple, values.tolist())), texts, STAGE_WORDS[stage])


def matrix_figure(view: Matrix, *, marked: str | None = None, height: int = 340) -> Drawing:
    """Squares with numbers in them; a click on one gives its name, such as ``r1c2``."""
    made = look.blank(height)
    rows, columns = len(view.values), len(view.values[0])
    flat = [value for row in view.values for value in row]
    names = [f"r{r + 1}c{c + 1}" for r in range(rows) for c in range(columns)]
    made.add_scatter(
        x=[c for _ in range(rows) for c in range(columns)],
        y=[r for r in range(rows) for _ in range(columns)],
        mode="markers+text",
        text=[text for row in view.texts for text in row],
        textfont={"size": 16, "color": look.INK},
        marker={
            "symbol": "square",
            "size": 58,
            "color": flat,
            "colorscale": [[0, "rgba(28,108,179,.08)"], [1, "rgba(28,108,179,.45)"]],
            "line": {
                "width": [4 if name == marked else 0 for name in names],
                "color": look.ACCENT,
            },
        },
        customdata=[[name] for name in names],
        hovertemplate="%{text}<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}, "textfont": {"color": look.INK}},
        showlegend=False,
    )
    made.update_xaxes(visible=False, range=[-0.6, columns - 0.4], fixedrange=True)
    made.update_yaxes(visible=False, range=[rows - 0.4, -0.6], fixedrange=True)
    return made.update_layout(margin={"l": 10, "r": 10, "t": 10, "b": 10})


def clip_figure(curve: ClipCurve, clip: float, errors: Sequence[float], *, height: int = 380) -> Drawing:
    """Both parts of the error, their sum, and where the reader's clip is."""
    made = look.blank(height)
    for name, values, colour, dash in (
        ("rounding, inside the clip", curve.rounding, look.WEIGHTS, "dot"),
        ("clipping, beyond it", curve.clipping, look.BIT_COLOURS[3], "dash"),
        ("both: mean squared error", curve.total, look.MUTED, "solid"),
    ):
        made.add_scatter(
            x=curve.clips,
            y=values,
            mode="lines",
            name=name,
            line={"color": colour, "dash": dash, "width": 2},
            hovertemplate="clip %{x:.3f}: %{y:.2e}<extra></extra>",
        )
    made.add_scatter(
        x=[clip],
        y=[sum(errors)],
        mode="markers",
        name="your clip",
        marker={"size": 13, "color": look.ACCENT, "symbol": "diamond"},
        hovertemplate="your clip %{x:.3f}: %{y:.2e}<extra></extra>",
    )
    positive = curve.total[curve.total > 0]
    made.update_yaxes(
        title="mean squared error (weight²)",
        type="log",
        exponentformat="power",
        dtick=1,
        range=[float(np.log10(positive.min() / 8)), float(np.log10(curve.total.max() * 2))],
    )
    made.update_xaxes(title="clip c (units of the weight)", rangemode="tozero")
    return made


def channels_figure(found: Channels, *, height: int = 380) -> Drawing:
    """Relative error of every channel, both ways, channels by their reach."""
    made = look.blank(height)
    order = np.argsort(found.reach)
    for name, values, colour, symbol in (
        ("one step for the tensor", found.tensor, look.BIT_COLOURS[3], "square"),
        ("one step a channel", found.channel, look.WEIGHTS, "circle"),
    ):
        made.add_scatter(
            x=found.reach[order],
            y=values[order],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": 9},
            hovertemplate="largest weight %{x:.3f}: error %{y:.2%}<extra></extra>",
        )
    made.update_xaxes(title="largest |w| of the channel", rangemode="tozero")
    return made.update_yaxes(
        title="‖Q(w) − w‖² / ‖w‖² of the channel", tickformat=".0%", type="linear", rangemode="tozero"
    )


def accuracy_figure(rows: Sequence[Sequence[float | str]], *, height: int = 380) -> Drawing:
    """Accuracy against bits with its standard error; rows of granularity, bits, accuracy, error, samples."""
    ways = (
        ("tensor", "one step for the tensor", look.BIT_COLOURS[3], "square"),
        ("channel", "one step a channel", look.WEIGHTS, "circle"),
    )
    curves = [
        levels.of_rows(name, [row for row in rows if row[0] == way], (1, 2), colour, symbol)
        for way, name, colour, symbol in ways
    ]
    full = next(row for row in rows if row[0] == "none")
    made = levels.figure(curves, hover="%{x} bits: %{y:.2%}", against=float(full[2]), height=height)
    made.update_xaxes(title="bits of every weight", autorange="reversed", dtick=1)
    return made.update_yaxes(title="test accuracy (dashed: FP32)", tickformat=".0%")
