"""The loss over two step sizes, as contours or as a surface, with what LAPQ finds on it (its Figs. 1, 2 and 6)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go

from explorer.figures import look
from explorer.figures.landscape.planes import SCALE

_CAMERA = {"eye": {"x": 1.5, "y": -1.5, "z": 1.0}, "center": {"z": -0.12}}
_GRID = "#8f98a6"  # WebGL draws no transparent lines
_LP, _PATH = "#ffffff", look.ACCENT
_SYMBOLS: Mapping[str, tuple[str, str, int]] = {  # flat, solid, size
    "lp": ("circle", "circle", 9),
    "quadratic": ("star", "diamond", 15),
    "optimum": ("x", "x", 12),
}
NAMES = {
    "path": "joint descent",
    "lp": "L_p points",
    "quadratic": "quadratic fit",
    "optimum": "end of the descent",
}


@dataclass(frozen=True)
class Point:
    """Something on the surface: where, its loss, and what to say of it."""

    kind: str
    at: tuple[float, float]
    loss: float
    words: str
    label: str = ""


@dataclass(frozen=True, eq=False)
class View:
    """A surface as it is drawn.

    Attributes:
        axes: steps or clips of each tensor, (P,).
        height: (P, P), [i, j] at axes[0][i] and axes[1][j]; log10 of the loss if ``log``, NaN where nothing is drawn.
        loss: the shape of ``height``.
        points: L_p points by p, the quadratic fit's and the optimum.
        path: the joint descent, in its order.
        titles: of the axes.
        title: of the height.
        growing: more points are to come.
    """

    axes: tuple[np.ndarray, np.ndarray]
    height: np.ndarray
    loss: np.ndarray
    points: tuple[Point, ...]
    path: tuple[Point, ...]
    titles: tuple[str, str]
    title: str
    log: bool
    growing: bool


def view(
    content: Mapping[str, Any], *, by: Literal["step", "clip"] = "step", log: bool = False, unit: str = "nats"
) -> View:
    """What is drawn of a ``lapq_surface`` result, or of a part of one.

    Args:
        by: what the axes are.
        log: colours and heights by the logarithm; not where a loss is 0 or less.
        unit: of the loss.
    """
    scale = content["reaches"] if by == "clip" else (1.0, 1.0)
    loss = np.array(content["loss"], float)
    shown = np.where(np.isfinite(loss), loss, np.nan)
    marks = [
        Point(
            mark["kind"],
            _scaled(mark["steps"], scale),
            mark["loss"],
            _words(mark, _scaled(mark["steps"], scale), by),
            f"p = {mark['p']:g}" if mark["kind"] == "lp" else "",
        )
        for mark in content["marks"]
    ]
    path = [
        Point("path", _scaled(steps, scale), value, f"{k} steps down: loss {value:.4g}")
        for k, (steps, value) in enumerate(content["path"])
    ]
    known = [value for value in [*shown.ravel(), *(each.loss for each in [*marks, *path])] if value == value]
    log = log and bool(known) and min(known) > 0
    first, second = content["sites"]
    symbol, word = ("Δ", "step") if by == "step" else ("c", "clip")
    return View(
        axes=(np.array(content["axes"][0]) * scale[0], np.array(content["axes"][1]) * scale[1]),
        height=np.log10(shown) if log else shown,
        loss=shown,
        points=tuple(marks),
        path=tuple(path),
        titles=(
            f"{word} {symbol}₁ of {first} (units of the tensor)",
            f"{word} {symbol}₂ of {second} (units of the tensor)",
        ),
        title=f"loss ({unit})",
        log=log,
        growing=bool(np.isnan(loss).any()),
    )


def contours(view: View, *, height: int = 560, revision: str = "step surface") -> go.Figure:
    """From above."""
    made = look.blank(height)
    x, y, heights, loss = _measured(view)
    low, high = _range(view)
    made.add_contour(
        x=x,
        y=y,
        z=heights,
        customdata=loss,
        coloraxis="coloraxis",
        contours={"start": low, "end": high, "size": (high - low) / 14, "coloring": "heatmap"},
        line={"color": "rgba(255,255,255,0.45)", "width": 1},
        connectgaps=view.growing,
        hovertemplate="%{x:.4g}, %{y:.4g}<br>" + view.title + " %{customdata:.4g}<extra></extra>",
    )
    for line in _lines(view):
        made.add_scatter(x=line.pop("at0"), y=line.pop("at1"), **{k: v for k, v in line.items() if k != "z"})
    made.update_xaxes(title=view.titles[0], range=_ends(view.axes[0]))
    made.update_yaxes(title=view.titles[1], range=_ends(view.axes[1]))
    return _finished(made, view, revision)


def surface(view: View, *, height: int = 600, revision: str = "step surface") -> go.Figure:
    """In three dimensions."""
    made = look.blank(height)
    x, y, heights, loss = _measured(view)
    made.add_surface(
        x=x,
        y=y,
        z=heights,
        customdata=loss,
        coloraxis="coloraxis",
        connectgaps=view.growing,
        lighting={"ambient": 0.75, "diffuse": 0.5, "specular": 0.05, "roughness": 0.9},
        hovertemplate="%{x:.4g}, %{y:.4g}<br>" + view.title + " %{customdata:.4g}<extra></extra>",
        name="measured",
    )
    for line in _lines(view, solid=True):
        made.add_scatter3d(x=line.pop("at0"), y=line.pop("at1"), **line)
    low, high = _range(view)
    sides = {
        "gridcolor": _GRID,
        "showbackground": False,
        "zeroline": False,
        "showline": True,
        "linecolor": _GRID,
    }
    made.update_scenes(
        xaxis={**sides, "title": {"text": view.titles[0].split(" (")[0]}, "range": _ends(view.axes[0])},
        yaxis={**sides, "title": {"text": view.titles[1].split(" (")[0]}, "range": _ends(view.axes[1])},
        zaxis={
            **sides,
            "title": {"text": view.title},
            "range": [low, high + 0.03 * (high - low)],
            **_ticks(view),
        },
        camera=_CAMERA,
        aspectmode="manual",
        aspectratio={"x": 1, "y": 1, "z": 0.75},
    )
    return _finished(made, view, revision)


def _lines(view: View, *, solid: bool = False) -> list[dict[str, Any]]:
    """L_p points with the line that p draws, the way down, and the two ends."""
    made = []
    of_kind = {
        kind: [each for each in (*view.points, *view.path) if each.kind == kind]
        for kind in ("lp", "path", "quadratic", "optimum")
    }
    for kind, points in of_kind.items():
        if not points:
            continue
        flat, deep, size = _SYMBOLS.get(kind, ("circle", "circle", 5))
        colour = _LP if kind == "lp" else _PATH
        heights = [_height(view, each.loss) for each in points]
        line: dict[str, Any] = {
            "at0": [each.at[0] for each in points],
            "at1": [each.at[1] for each in points],
            "mode": "markers",
            "marker": {
                "symbol": deep if solid else flat,
                "size": size * (0.6 if solid else 1),
                "color": colour,
                "line": {"color": "#20242b", "width": 1.5},
            },
            "name": NAMES[kind],
            "hovertext": [each.words for each in points],
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        if kind in ("lp", "path"):
            dash = "dot" if kind == "lp" else "solid"
            drawn = {"color": colour, "width": 4 if solid else 2, "dash": dash}
            line |= {"mode": "lines+markers", "line": drawn}
        if kind == "lp" and not solid:
            line |= {
                "mode": "lines+markers+text",
                "text": [each.label for each in points],
                "textposition": "bottom right",
                "textfont": {"color": _LP, "size": 11},
            }
        made.append(line | ({"z": heights} if solid else {}))
    return made


def _measured(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows and columns of which something is known, as plotly wants them: rows along the second axis."""
    known = np.isfinite(view.height)
    rows, columns = known.any(axis=1), known.any(axis=0)
    part = np.ix_(rows, columns)
    x, y = view.axes[0][rows], view.axes[1][columns]
    return (
        x.astype(np.float32),
        y.astype(np.float32),
        view.height[part].T.astype(np.float32),
        view.loss[part].T,
    )


def _height(view: View, loss: float) -> float:
    return math.log10(loss) if view.log else loss


def _range(view: View) -> tuple[float, float]:
    known = [*view.height[np.isfinite(view.height)], *(_height(view, each.loss) for each in view.points)]
    low, high = (float(min(known)), float(max(known))) if known else (0.0, 1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _ticks(view: View) -> dict[str, Any]:
    if not view.log:
        return {}
    low, high = _range(view)
    ticks = look.log_ticks(10**low, 10**high)
    return {"tickvals": [math.log10(value) for value in ticks["tickvals"]], "ticktext": ticks["ticktext"]}


def _ends(axis: np.ndarray) -> list[float]:
    return [float(axis[0]), float(axis[-1])]


def _scaled(steps: Any, scale: Any) -> tuple[float, float]:
    return float(steps[0]) * scale[0], float(steps[1]) * scale[1]


def _words(mark: Mapping[str, Any], at: tuple[float, float], by: str) -> str:
    p = "" if mark["p"] is None else f", p = {mark['p']:.3g}"
    name = "least L_p error" if mark["kind"] == "lp" else NAMES[mark["kind"]]
    return f"<b>{name}{p}</b><br>{by}s {at[0]:.4g}, {at[1]:.4g}<br>loss {mark['loss']:.4g}"


def _finished(made: go.Figure, view: View, revision: str) -> go.Figure:
    low, high = _range(view)
    bar = {
        "title": {"text": view.title, "side": "right"},
        "thickness": 14,
        "outlinewidth": 0,
        **_ticks(view),
    }
    made.update_layout(
        coloraxis={"colorscale": SCALE, "cmin": low, "cmax": high, "colorbar": bar}, uirevision=revision
    )
    return made
