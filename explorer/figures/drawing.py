"""A Plotly figure that is kept as plain data until somebody asks for its objects.

Plotly checks every property of every trace and axis as it is set, which takes longer than all else that the redraw of
a page does. What a page sends to the browser needs no objects, so the calls by which figures are made write plain data
here. Whoever reads ``data`` or ``layout``, or calls anything else, gets the figure that Plotly itself would have made
of it, checked in full: notebooks and tests do.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.basedatatypes import convert_to_base64

_PLAIN = "_plain"
_WITH_UNDERSCORE = frozenset({"error_x", "error_y", "error_z"})
_BY_PLACE = frozenset({"annotations", "shapes", "images"})  # lists whose members are changed one by one


class Drawing(go.Figure):  # type: ignore[misc]  # Plotly says nothing of its types
    """A figure of one pair of axes, or of axes that its layout names."""

    def __init__(self, data: Any = None, layout: Any = None, **rest: Any) -> None:
        if rest or not isinstance(layout, dict) or data:
            super().__init__(data, layout, **rest)
        else:
            self.__dict__[_PLAIN] = {"data": [], "layout": merged({}, layout)}

    def __getattr__(self, name: str) -> Any:
        # Missing is only what Plotly's own constructor sets.
        plain = self.__dict__.pop(_PLAIN, None)
        if plain is None:
            raise AttributeError(name)
        super().__init__(data=plain["data"], layout=plain["layout"])
        return getattr(self, name)

    def to_dict(self) -> dict[str, Any]:
        """The figure as Plotly hands it to the browser, arrays as base64."""
        plain = plain_of(self)
        if plain is None:
            made: dict[str, Any] = super().to_dict()
            return made
        copied = {"data": [_copied(trace) for trace in plain["data"]], "layout": _copied(plain["layout"])}
        convert_to_base64(copied)
        return copied

    def add_bar(self, **properties: Any) -> "Drawing":
        """As `go.Figure.add_bar`."""
        return self._added("bar", properties)

    def add_scatter(self, **properties: Any) -> "Drawing":
        """As `go.Figure.add_scatter`."""
        return self._added("scatter", properties)

    def add_scattergl(self, **properties: Any) -> "Drawing":
        """As `go.Figure.add_scattergl`."""
        return self._added("scattergl", properties)

    def update_layout(self, dict1: Any = None, overwrite: bool = False, **changes: Any) -> "Drawing":
        """As `go.Figure.update_layout`."""
        plain = plain_of(self)
        asked = {**(dict1 or {}), **changes}
        if plain is None or overwrite or not _simple(asked):
            super().update_layout(dict1, overwrite, **changes)
        else:
            merged(plain["layout"], asked)
        return self

    def update_xaxes(self, **changes: Any) -> "Drawing":
        """As `go.Figure.update_xaxes`."""
        return self._axes("xaxis", changes)

    def update_yaxes(self, **changes: Any) -> "Drawing":
        """As `go.Figure.update_yaxes`."""
        return self._axes("yaxis", changes)

    def add_annotation(self, arg: Any = None, **properties: Any) -> "Drawing":
        """As `go.Figure.add_annotation`."""
        return self._noted("annotations", {**(arg or {}), **properties})

    def add_shape(self, arg: Any = None, **properties: Any) -> "Drawing":
        """As `go.Figure.add_shape`."""
        return self._noted("shapes", {**(arg or {}), **properties})

    def _added(self, kind: str, properties: Mapping[str, Any]) -> "Drawing":
        plain = plain_of(self)
        if plain is None or not _simple(properties):
            getattr(super(), f"add_{kind}")(**properties)
        else:
            plain["data"].append(merged({"type": kind}, properties))
        return self

    def _axes(self, kind: str, changes: Mapping[str, Any]) -> "Drawing":
        plain = plain_of(self)
        if plain is None or not _simple(changes):
            getattr(super(), f"update_{kind.replace('axis', 'axes')}")(**changes)
        else:
            layout = plain["layout"]
            for name in {kind, *(each for each in layout if re.fullmatch(rf"{kind}\d+", each))}:
                merged(layout.setdefault(name, {}), changes)
        return self

    def _noted(self, kind: str, properties: Mapping[str, Any]) -> "Drawing":
        plain = plain_of(self)
        if plain is None or not _simple(properties):
            getattr(super(), f"add_{kind.removesuffix('s')}")(**properties)
        else:
            plain["layout"].setdefault(kind, []).append(merged({}, properties))
        return self


def plain_of(figure: go.Figure) -> dict[str, Any] | None:
    """``data`` and ``layout`` of a figure as the plain data they are kept as; None where they are objects."""
    found: dict[str, Any] | None = figure.__dict__.get(_PLAIN)
    return found


def merged(into: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """``into``, with changes at any depth as Plotly's ``update`` makes them; None takes a property out."""
    for name, value in changes.items():
        if name == "title" and isinstance(value, str):
            value = {"text": value}
        known = into.get(name)
        if value is None:
            into.pop(name, None)
        elif isinstance(value, Mapping):
            into[name] = merged(known if isinstance(known, dict) else {}, value)
        elif name in _BY_PLACE and isinstance(value, Sequence):
            kept = list(known or ())
            kept += [{} for _ in range(len(value) - len(kept))]
            into[name] = [merged(old, new) for old, new in zip(kept, value, strict=False)] + kept[
                len(value) :
            ]
        else:
            into[name] = value
    return into


def _simple(changes: Mapping[str, Any]) -> bool:
    """Whether all names are those of properties: no paths such as ``marker_color``, no place of a subplot."""
    return not any(
        ("_" in name and name not in _WITH_UNDERSCORE) or name in ("row", "col", "selector")
        for name in changes
    )


def _copied(value: Any) -> Any:
    """A copy of what may be changed in place: mappings and lists of them, and no data."""
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_copied(each) for each in value]
    return value
