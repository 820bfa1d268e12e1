"""A figure that lives in a notebook: shown as the value of a cell, changed from Python, answering a click."""

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import plotly.graph_objects as go

from explorer.errors import NotebookError

Clicked = Callable[[int, Any, Any], None]
# Of a figure's title, over its legend.
TITLE: dict[str, Any] = {
    "x": 0,
    "xref": "paper",
    "y": 0.98,
    "yref": "container",
    "yanchor": "top",
    "font": {"size": 16},
}
_NEEDED = ("ipywidgets", "anywidget")


class Live:
    """A figure in a notebook, and those who want to know what changes.

    Attributes:
        figure: Plotly's ``FigureWidget``, to be laid out among other widgets.
    """

    def __init__(self, figure: go.Figure) -> None:
        """Make a figure live.

        Raises:
            NotebookError: what notebooks need is not installed.
        """
        library("anywidget")
        self.figure: Any = go.FigureWidget(figure)
        self._told: list[Callable[[Any], None]] = []

    def on_change(self, callback: Callable[[Any], None]) -> None:
        """Call ``callback`` with the new value after every change."""
        self._told.append(callback)

    def _changed(self, value: Any) -> None:
        for callback in tuple(self._told):
            callback(value)

    @property
    def shown(self) -> Any:
        """The widget that is displayed."""
        return self.figure

    def _repr_mimebundle_(self, **options: Any) -> Any:
        return self.shown._repr_mimebundle_(**options)


def library(name: str) -> Any:
    """A library that only notebooks need.

    Raises:
        NotebookError: it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise NotebookError(
            f"widgets need {' and '.join(_NEEDED)}, and there is no {error.name}; "
            "install them: pip install mixed-precision-explorer[notebooks]"
        ) from None


def on_click(trace: Any, chosen: Clicked) -> None:
    """Call ``chosen`` with the number of the point of a trace that is clicked, its x and its y."""

    def clicked(trace: Any, points: Any, state: Any) -> None:
        if points.point_inds:  # Plotly tells every trace of every click
            chosen(points.point_inds[0], points.xs[0], points.ys[0])

    trace.on_click(clicked)


def redraw(shown: Any, figure: go.Figure, **layout: Any) -> None:
    """Give the traces of a live figure the data of another one of the same traces; zoom and camera stay.

    Shapes and notes become those of ``figure``; traces beyond its own stay as they are.
    """
    with shown.batch_update():
        for old, new in zip(shown.data, figure.data, strict=False):
            old.update(_data_of(new), overwrite=True)
        shown.layout.shapes, shown.layout.annotations = figure.layout.shapes, figure.layout.annotations
        shown.update_layout(layout)


def _data_of(trace: Any) -> Mapping[str, Any]:
    content = trace.to_plotly_json()
    return {name: value for name, value in content.items() if name not in ("type", "uid")}
