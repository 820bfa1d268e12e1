"""Methods of calibration side by side: what each is worth on the test images (LAPQ, Tables 1, 3 and 4)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from explorer.figures import look

NAMES: Mapping[str, str] = {
    "fp32": "FP32",
    "min-max": "min-max",
    "mmse": "MMSE",
    "aciq": "ACIQ (Laplace)",
    "kl": "KL divergence",
    "kl-nonzero": "KL without zeros",
    "ocs": "OCS, channels split",
    "dual": "DUAL, two tensors",
    "layerwise": "LAPQ 1, layer-wise",
    "quadratic": "LAPQ 2, best p",
    "joint": "LAPQ 3, joint",
}
_CORRECTIONS: Mapping[str, tuple[str, str, str]] = {  # name, colour, symbol
    "none": ("without bias correction", look.WEIGHTS, "circle"),
    "mean": ("mean corrected", look.ACTIVATIONS, "diamond"),
    "mean-variance": ("mean and variance corrected", look.ACCENT, "square"),
}
_APART = 0.26  # of the distance between two methods: corrections of equal value do not hide each other


@dataclass(frozen=True)
class Dot:
    """A method with one bias correction: its value and the standard error of it."""

    method: str
    value: float
    stderr: float


@dataclass(frozen=True)
class View:
    """What is drawn.

    Attributes:
        dots: bias correction to the methods in the order of the table.
        reference: of the FP32 network; None where it is not known yet.
        title: of the values, with their unit.
        per_cent: values are shares.
        floor: what lies below is drawn there, so that one method that fails does not press the others together.
    """

    dots: Mapping[str, tuple[Dot, ...]]
    reference: float | None
    title: str
    per_cent: bool
    floor: float | None = None


def view(
    rows: Sequence[Mapping[str, Any]], *, unit: str = "nats", metric: str = "accuracy", noun: str = "images"
) -> View:
    """Of the rows of a ``lapq_table`` run; values of the study's metric, or losses where it has none."""
    known = [row for row in rows if row["test_accuracy"] is not None]
    key = "test_accuracy" if known else "test_loss"
    dots: dict[str, list[Dot]] = {}
    reference = None
    for row in rows:
        if row["method"] == "fp32":
            reference = float(row[key])
        else:
            dot = Dot(NAMES[row["method"]], float(row[key]), float(row[f"{key}_stderr"]))
            dots.setdefault(row["bias_correction"], []).append(dot)
    title = f"{metric} on the test {noun}" if known else f"loss of the test {noun} ({unit})"
    floor = None
    if known and reference is not None:
        floor = _floor(reference, [dot.value for of in dots.values() for dot in of])
    return View({each: tuple(of) for each, of in dots.items()}, reference, title, bool(known), floor)


def figure(view: View, *, height: int = 430, revision: str = "step methods") -> go.Figure:
    """A line a method, the first on top."""
    made = look.blank(height)
    number = ".2%" if view.per_cent else ".4g"
    drawn = {dot.method for dots in view.dots.values() for dot in dots}
    line = {method: at for at, method in enumerate(name for name in NAMES.values() if name in drawn)}
    for beside, (correction, dots) in enumerate(view.dots.items()):
        name, colour, symbol = _CORRECTIONS[correction]
        shift = _APART * (beside - (len(view.dots) - 1) / 2)
        below = [view.floor is not None and dot.value < view.floor for dot in dots]
        made.add_scatter(
            x=[view.floor if off else dot.value for dot, off in zip(dots, below, strict=True)],
            y=[line[dot.method] + shift for dot in dots],
            error_x={
                "type": "data",
                "array": [0.0 if off else dot.stderr for dot, off in zip(dots, below, strict=True)],
                "thickness": 1.5,
            },
            mode="markers",
            marker={
                "size": 11,
                "color": colour,
                "symbol": ["triangle-left" if off else symbol for off in below],
            },
            name=name,
            customdata=[[dot.value, dot.stderr, dot.method] for dot in dots],
            hovertemplate="<b>%{customdata[2]}</b><br>"
            f"%{{customdata[0]:{number}}} ± %{{customdata[1]:{number}}}"
            f"<extra>{name}</extra>",
        )
    if view.reference is not None:
        made.add_vline(
            x=view.reference,
            line={"color": look.BIT_COLOURS[32], "dash": "dot"},
            annotation={"text": "FP32", "yanchor": "bottom"},
            annotation_position="top",
        )
    made.update_yaxes(
        tickvals=list(line.values()), ticktext=list(line), range=[len(line) - 0.5, -0.5], automargin=True
    )
    made.update_xaxes(title=view.title, tickformat=".0%" if view.per_cent else None)
    return made.update_layout(uirevision=revision)


def _floor(reference: float, values: Sequence[float]) -> float | None:
    """Three times as far from FP32 as the median, where something is further still; None where nothing is."""
    gaps = sorted(reference - value for value in values)
    if not gaps:
        return None
    furthest = max(3 * gaps[len(gaps) // 2], 0.05)
    return reference - furthest if gaps[-1] > furthest else None
