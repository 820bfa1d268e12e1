"""Traces as dots: order, errors, and negative estimates that are not hidden by a log axis."""

import pytest

from explorer.figures import look, sensitivity
from explorer.figures.sensitivity import Dot

BLOCKS = [
    {"name": "a", "mean_trace": 2.0, "stderr": 10.0, "n": 100, "trace": 200.0, "samples": 7},
    {"name": "b", "mean_trace": -0.5, "stderr": 1.0, "n": 10, "trace": -5.0, "samples": 7},
    {"name": "c", "mean_trace": 8.0, "stderr": 2000.0, "n": 50, "trace": 400.0, "samples": 7},
]
A, B, C = Dot("a", 2.0, 0.1, 100), Dot("b", -0.5, 0.1, 10), Dot("c", 8.0, 40.0, 50)


def test_by_depth_or_with_the_most_sensitive_first() -> None:
    assert sensitivity.view(BLOCKS) == (A, B, C)
    assert sensitivity.view(BLOCKS, "rank") == (C, A, B)


def test_published_figures_have_no_error() -> None:
    found = sensitivity.published_view({"a": 2.0, "b": 3.0}, {"a": 10, "b": 20, "other": 1}, "rank")
    assert found == (Dot("b", 3.0, 0.0, 20), Dot("a", 2.0, 0.0, 10))


def test_on_the_log_axis_a_negative_trace_is_hollow_at_its_size() -> None:
    positive, negative = sensitivity.figure((A, B, C)).data
    assert (list(positive.x), list(positive.y), positive.marker.symbol) == (["a", "c"], [2.0, 8.0], "circle")
    assert (list(negative.x), list(negative.y)) == (["b"], [0.5])
    assert negative.marker.symbol == "circle-open"
    assert "negative" in negative.name
    assert "mean trace -0.5" in negative.hovertext[0], "the number keeps its sign"


def test_on_the_linear_axis_it_stands_where_it_is() -> None:
    made = sensitivity.figure((A, B), log=False)
    assert list(made.data[1].y) == [-0.5]
    assert made.layout.yaxis.type == "linear"


def test_error_bars_are_one_standard_error_and_stay_on_the_log_axis() -> None:
    bars = sensitivity.figure((A, C)).data[0].error_y
    assert list(bars.array) == [0.1, 40.0]
    assert list(bars.arrayminus) == [0.1, pytest.approx(7.92)], "8 - 40 has no logarithm"
    linear = sensitivity.figure((A, C), log=False).data[0].error_y
    assert list(linear.arrayminus) == [0.1, 40.0]


def test_blocks_stand_in_the_order_of_the_view_whatever_their_sign() -> None:
    dots = sensitivity.view(BLOCKS, "rank")
    made = sensitivity.figure(dots)
    assert list(made.layout.xaxis.categoryarray) == ["c", "a", "b"]
    assert [data[0] for trace in made.data for data in trace.customdata] == ["c", "a", "b"]


def test_axes_and_colours_say_what_is_drawn() -> None:
    made = sensitivity.figure((A,))
    assert made.layout.yaxis.title.text == "mean Hessian trace, Tr(H)/n"
    assert made.layout.yaxis.type == "log"
    assert made.layout.xaxis.title.text.startswith("block")
    assert made.data[0].marker.color == look.WEIGHTS
    assert sensitivity.figure((A,), of="activations").data[0].marker.color == look.ACTIVATIONS


def test_with_the_most_sensitive_first_the_axis_does_not_claim_depth() -> None:
    title = sensitivity.figure(sensitivity.view(BLOCKS, "rank"), order="rank").layout.xaxis.title.text
    assert "from input to output" not in title
