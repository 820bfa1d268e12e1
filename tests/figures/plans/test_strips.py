"""Two plans as strips: the same block stands in the same column of both."""

from explorer.figures import look
from explorer.figures.plans import strips


def test_a_strip_has_a_cell_a_block_in_the_colour_of_its_width() -> None:
    made = strips.figure({"before": {"a": (8, 8), "b": (4, 8)}, "after": {"a": (2, 8), "b": (4, 4)}})
    before, after = made.data
    assert list(before.base) == list(after.base) == [0, 1]
    assert list(after.marker.color) == [look.BIT_COLOURS[2], look.BIT_COLOURS[4]]
    assert list(after.text) == ["2", "4"]
    assert after.hovertext[1] == "<b>b</b><br>weights 4 bits, activations 4 bits"
    assert list(made.layout.xaxis.ticktext) == ["a", "b"]
