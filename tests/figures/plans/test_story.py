"""The small picture of the start page."""

from explorer.figures import look
from explorer.figures.plans import story


def test_bars_are_in_the_network_s_order_and_coloured_by_their_bits() -> None:
    bars = story.view([("a", 4.0), ("b", 0.5), ("c", -1.0)], {"a": 8, "b": 2})
    assert bars == (story.StoryBar("a", 4.0, 8), story.StoryBar("b", 0.5, 2))
    figure = story.figure(bars)
    assert list(figure.layout.xaxis.categoryarray) == ["a", "b"]
    assert {bar.name: bar.marker.color for bar in figure.data} == {
        "2 bits": look.BIT_COLOURS[2],
        "8 bits": look.BIT_COLOURS[8],
    }
    assert story.alt(bars) == "Sensitivity of 2 blocks: a (8 bits) is 8 times as sensitive as b (2 bits)"


def test_without_a_plan_the_bars_are_of_one_colour() -> None:
    bars = story.view([("a", 4.0), ("b", 0.5)], {})
    [trace] = story.figure(bars).data
    assert trace.marker.color == look.WEIGHTS
    assert list(trace.y) == [4.0, 0.5]
