"""A plan as bars: weight bits in their colours, activation bits as ticks."""

from explorer.figures import look
from explorer.figures.plans import plan
from explorer.figures.plans.plan import BlockBar

BITS = {"conv": (2, 8), "fc": (8, 4)}


def test_a_bar_knows_its_widths_and_its_size_in_bytes() -> None:
    assert plan.view(BITS, {"conv": 100, "fc": 30}) == (
        BlockBar("conv", 2, 8, 25.0),
        BlockBar("fc", 8, 4, 30.0),
    )


def test_bars_are_weights_and_ticks_are_activations() -> None:
    made = plan.figure(plan.view(BITS, {"conv": 100, "fc": 30}))
    bars, ticks = made.data
    assert (list(bars.x), list(bars.y)) == (["conv", "fc"], [2, 8])
    assert list(bars.marker.color) == [look.BIT_COLOURS[2], look.BIT_COLOURS[8]]
    assert [data[0] for data in bars.customdata] == ["conv", "fc"]
    assert bars.hovertext[0] == "<b>conv</b><br>weights 2 bits, activations 8 bits<br>25 B"
    assert (list(ticks.x), list(ticks.y), ticks.name) == (["conv", "fc"], [8, 4], "activation bits")


def test_axes_say_what_they_show_and_hold_the_highest_width() -> None:
    made = plan.figure(plan.view({"conv": (4, 32)}, {"conv": 100}))
    assert made.layout.yaxis.title.text == "bits"
    assert made.layout.xaxis.title.text == "block, from input to output"
    assert made.layout.yaxis.range[1] > 32


def test_sizes_stand_below_their_bits_in_a_unit_that_suits_them() -> None:
    made = plan.figure(plan.view(BITS, {"conv": 4_000_000, "fc": 30}), sizes=True)
    sizes = made.data[2]
    assert (list(sizes.x), list(sizes.y)) == (["conv", "fc"], [1.0, 30e-6])
    assert made.layout.yaxis2.title.text == "MB"
    assert made.layout.yaxis.domain[0] > made.layout.yaxis2.domain[1]


def test_the_axis_of_bits_holds_still_where_that_is_asked() -> None:
    made = plan.figure(plan.view({"conv": (2, 2)}, {"conv": 100}), top=8)
    assert made.layout.yaxis.range[1] > 8


def test_long_names_are_cut_at_their_beginning() -> None:
    """Names under slanted ticks ran into the title of the axis and out of the picture; a click still has the whole."""
    long = "blocks.0.attention.query"
    made = plan.figure([plan.BlockBar("head", 4, 8, 1.0), plan.BlockBar(long, 4, 8, 1.0)])
    assert list(made.layout.xaxis.ticktext) == ["head", "…ttention.query"]
    assert made.data[0].customdata[1][0] == long
