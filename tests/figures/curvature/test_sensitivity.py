"""Traces as dots: order, errors, and negative estimates that are not hidden by a log axis."""

from dataclasses import replace

import pytest

from explorer.blocks import Block, Layer
from explorer.figures import look
from explorer.figures.curvature import sensitivity
from explorer.figures.curvature.sensitivity import Dot, Panel

BLOCKS = [
    {"name": "a", "mean_trace": 2.0, "stderr": 10.0, "n": 100, "trace": 200.0, "samples": 7},
    {"name": "b", "mean_trace": -0.5, "stderr": 1.0, "n": 10, "trace": -5.0, "samples": 7},
    {"name": "c", "mean_trace": 8.0, "stderr": 2000.0, "n": 50, "trace": 400.0, "samples": 7},
]
A = Dot("a", 2.0, 0.1, 100, 200 / 595)
B = Dot("b", -0.5, 0.1, 10, -5 / 595)
C = Dot("c", 8.0, 40.0, 50, 400 / 595)


def test_by_depth_or_with_the_most_sensitive_first() -> None:
    assert sensitivity.view(BLOCKS) == (A, B, C)
    assert sensitivity.view(BLOCKS, "rank") == (C, A, B)


def test_published_figures_have_no_error() -> None:
    found = sensitivity.published_view({"a": 2.0, "b": 3.0}, {"a": 10, "b": 20, "other": 1}, "rank")
    assert found == (Dot("b", 3.0, 0.0, 20, 0.75), Dot("a", 2.0, 0.0, 10, 0.25))


def test_on_the_log_axis_a_negative_trace_is_hollow_at_its_size() -> None:
    positive, negative = sensitivity.figure((A, B, C)).data
    assert (list(positive.x), list(positive.y), positive.marker.symbol) == ([0, 2], [2.0, 8.0], "circle")
    assert (list(negative.x), list(negative.y)) == ([1], [0.5])
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
    assert list(made.layout.xaxis.ticktext) == ["c", "a", "b"]
    assert [data[0] for trace in made.data for data in trace.customdata] == ["c", "a", "b"]


def test_axes_and_colours_say_what_is_drawn() -> None:
    made = sensitivity.figure((A,))
    assert made.layout.showlegend
    assert made.data[0].name == "estimate ± 1 s.e."
    assert made.layout.yaxis.title.text == "mean Hessian trace, Tr(H)/n (loss per weight²)"
    assert made.layout.yaxis.type == "log"
    assert made.layout.xaxis.title.text.startswith("block")
    assert made.data[0].marker.color == look.WEIGHTS
    assert sensitivity.figure((A,), of="activations").data[0].marker.color == look.ACTIVATIONS


def test_with_the_most_sensitive_first_the_axis_does_not_claim_depth() -> None:
    title = sensitivity.figure(sensitivity.view(BLOCKS, "rank"), order="rank").layout.xaxis.title.text
    assert "from input to output" not in title


def test_a_card_says_what_the_block_is_and_how_much_it_has() -> None:
    layer = Layer("a", "Conv2d", "a.weight", (8, 4, 3, 3), 100, 0, input_shape=(4, 7, 7))
    structure = (Block("a", (layer,)), Block("c", (replace(layer, name="c"), replace(layer, name="c2"))))
    weights, _, joined = sensitivity.view(BLOCKS, structure=structure)
    assert (weights.kind, weights.shape) == ("Conv2d", "8×4×3×3")
    assert (joined.kind, joined.shape) == ("2 layers", "8×4×3×3 + 8×4×3×3")
    [read, *_] = sensitivity.view(BLOCKS, of="activations", structure=structure)
    assert read.shape == "4×7×7", "what one image gives the layer to read"
    card = sensitivity.figure([weights]).data[0].hovertext[0]
    for part in ("<b>a</b> (Conv2d)", "8×4×3×3", "n = 100 weights", "mean trace 2 ± 0.1", "trace 200, 33.6%"):
        assert part in card


def test_traces_that_do_not_add_up_to_something_positive_have_no_shares() -> None:
    [only] = sensitivity.view([BLOCKS[1]])
    assert only.share is None
    assert "all blocks" not in sensitivity.figure([only]).data[0].hovertext[0]


def test_both_panels_stand_over_one_axis_so_that_zoom_and_hover_are_shared() -> None:
    names = sensitivity.ranking(BLOCKS)
    other = [{**block, "mean_trace": -float(str(block["mean_trace"]))} for block in BLOCKS]
    made = sensitivity.panels(
        [
            Panel("weights", sensitivity.view(BLOCKS, names)),
            Panel("activations", sensitivity.view(other, names, of="activations")),
        ],
        order="rank",
    )
    assert {trace.xaxis for trace in made.data} == {None}, "the first, for all"
    assert {trace.yaxis for trace in made.data} == {"y", "y2"}
    assert made.layout.hoversubplots == "axis"
    assert made.layout.xaxis.anchor == "y2", "names stand below the lower panel"
    assert made.layout.yaxis.domain[0] > made.layout.yaxis2.domain[1]
    assert list(made.layout.xaxis.ticktext) == ["c", "a", "b"]
    colours = {(trace.yaxis, trace.marker.color) for trace in made.data}
    assert colours == {("y", look.WEIGHTS), ("y2", look.ACTIVATIONS)}


def test_activations_in_the_order_of_the_weights_keep_blocks_the_weights_lack() -> None:
    assert [dot.name for dot in sensitivity.view(BLOCKS, ("c", "b"))] == ["c", "b", "a"]


def test_a_click_on_any_dot_tells_its_block() -> None:
    made = sensitivity.panels([Panel("weights", (A, B)), Panel("activations", (B, A))])
    for trace in made.data:
        names = [made.layout.xaxis.ticktext[place] for place in trace.x]
        assert [[name] for name in names] == [list(data) for data in trace.customdata]


def test_names_that_are_numbers_stand_side_by_side() -> None:
    """The layers of a Sequential are called 0, 3, 11; they are not places on a line of numbers."""
    dots = [replace(A, name="0"), replace(A, name="3"), replace(A, name="11")]
    made = sensitivity.figure(dots)
    assert list(made.data[0].x) == list(made.layout.xaxis.tickvals) == [0, 1, 2]


def test_a_log_axis_has_labels_however_close_the_traces_are() -> None:
    decades = sensitivity.figure([A, replace(A, mean_trace=3000.0)]).layout.yaxis
    assert (decades.dtick, decades.tickvals) == (1, None)
    close = sensitivity.figure([A, replace(A, mean_trace=3.0)]).layout.yaxis
    assert {"2", "2.5", "3"} <= set(close.ticktext)


def test_what_was_published_without_an_error_has_no_bar() -> None:
    """A bar of no length is a dash, which looks like a small error."""
    assert sensitivity.figure([replace(A, stderr=0.0)]).data[0].error_y.array is None


def test_activations_differ_from_weights_by_more_than_colour() -> None:
    made = sensitivity.panels([Panel("weights", (A,)), Panel("activations", (A,))])
    assert [trace.marker.symbol for trace in made.data] == ["circle", "square"]


def test_the_description_names_the_most_and_the_least_sensitive_block() -> None:
    dots = [replace(A, name="conv1", mean_trace=0.41), replace(A, name="linear", mean_trace=0.0003)]
    assert sensitivity.finding([Panel("weights", dots)]) == (
        "Mean Hessian trace of 2 blocks: the largest is conv1 with 0.41, the smallest linear with 0.0003."
    )
