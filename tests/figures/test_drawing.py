"""A figure kept as plain data is the figure that Plotly makes of the same calls."""

import json
from collections.abc import Callable

import numpy as np
import plotly.graph_objects as go
import pytest

from explorer.figures import drawing, look
from explorer.figures.drawing import Drawing


def everything(made: go.Figure) -> go.Figure:
    """Calls of every kind that figures use: titles as text, a second axis, paths, None, numbers of several types."""
    made.add_bar(
        x=["a", "b"], y=np.array([1.0, 2.0]), text=None, error_y={"array": [1, 2]}, marker={"color": [3]}
    )
    made.add_scattergl(
        x=np.arange(3, dtype=np.float32), y=[None, 1, 2], customdata=np.ones((3, 2), np.uint16)
    )
    made.add_scatter(x=[1], y=[1], marker={"colorbar": {"title": {"text": "share"}}}, yaxis="y2")
    made.update_layout(yaxis2={"title": "kB", "overlaying": "y"}, margin={"r": 3}, dragmode=False)
    made.update_xaxes(title="block", tickfont={"size": 12}, range=(0, 2))
    made.update_xaxes(title={"standoff": 3}, tickangle=None)
    made.update_yaxes(title="bits", dtick=2)
    made.add_shape(type="rect", x0=0, x1=1, y0=0, y1=1, line={"width": 0})
    made.add_annotation(x=0, y=1, text="stage")
    made.add_annotation(x=1, y=1, text="large", font={"size": 20})
    return look.inked(made)


def paths(made: go.Figure) -> go.Figure:
    """Calls that have no plain form, among others that have one."""
    made.add_scatter(x=[1], y=[2], marker_color="red")
    made.add_hline(y=1, line_width=2, annotation_text="one")
    made.update_layout(title_text="all", height=10)
    made.add_bar(x=[1], y=[2], row=None)
    return look.inked(made)


@pytest.mark.parametrize("make", [everything, paths])
def test_it_is_what_plotly_makes_of_the_same_calls(make: Callable[[go.Figure], go.Figure]) -> None:
    plain, full = make(look.blank(100)), make(go.Figure(layout={"template": look.TEMPLATE, "height": 100}))
    assert json.loads(plain.to_json(validate=False)) == json.loads(full.to_json(validate=False))
    assert plain == full


def test_it_stays_plain_until_its_objects_are_asked_for_and_is_the_same_then() -> None:
    made = everything(look.blank(100))
    sent = made.to_json(validate=False)
    assert drawing.plain_of(made) is not None, "what is sent to the browser needs no objects"
    assert made.to_json(validate=False) == sent, "sending it changes nothing"
    assert made.layout.yaxis2.title.text == "bits"
    assert isinstance(made.data[0], go.Bar)
    assert drawing.plain_of(made) is None
    assert json.loads(made.to_json(validate=False)) == json.loads(sent)


def test_what_plotly_does_not_know_is_refused_when_the_objects_are_made() -> None:
    """Pages do not check; whoever reads a figure, as its tests do, does."""
    made = Drawing(layout={"height": 100})
    made.add_bar(y=[1], colour="red")
    with pytest.raises(ValueError, match="colour"):
        _ = made.data
