"""The axis of blocks: names are short, unmistakable, and stages are written once."""

import pytest

from explorer.figures import block_axis, look
from explorer.figures.block_axis import Stage

RESNET = ["conv1", "layer1.0.conv1", "layer1.0.conv2", "layer2.0.conv1", "layer2.0.conv2", "linear"]
MANY = [f"stage{stage}.unit{unit}.conv{n}" for stage in (1, 2) for unit in range(1, 8) for n in (1, 2, 3)]


def test_names_lose_what_all_stages_begin_with() -> None:
    assert block_axis.short(RESNET) == ["conv1", "1.0.conv1", "1.0.conv2", "2.0.conv1", "2.0.conv2", "linear"]


@pytest.mark.parametrize("names", [["0", "3", "11"], ["a.b", "c.d"], ["layer.0", "0"], ["fc"]])
def test_names_that_would_be_mistaken_stay_as_they_are(names: list[str]) -> None:
    """``layer.0`` without ``layer`` would be ``.0``; different stages have nothing in common."""
    made = block_axis.short(names)
    assert len(set(made)) == len(names)
    assert all(made)


def test_the_stage_stands_once_over_its_blocks() -> None:
    assert block_axis.stages(RESNET) == [Stage("layer1", 1, 2), Stage("layer2", 3, 4)]
    assert block_axis.ticks(RESNET, grouped=True) == [
        "conv1",
        "0.conv1",
        "0.conv2",
        "0.conv1",
        "0.conv2",
        "linear",
    ]
    made = look.blank(100)
    block_axis.apply(made, RESNET, title="block", grouped=True)
    assert [note.text for note in made.layout.annotations] == ["layer1", "layer2"]
    [band] = made.layout.shapes
    assert (band.x0, band.x1) == (0.5, 2.5)


def test_of_many_blocks_the_first_of_each_unit_is_named() -> None:
    texts = block_axis.ticks(MANY, grouped=True)
    assert texts[:7] == ["1", "", "", "2", "", "", "3"]
    assert block_axis.ticks(MANY, grouped=False)[0] == "1.unit1.c1"


def test_a_band_lies_behind_all_of_its_blocks_and_no_other() -> None:
    """Boxes are as wide as their channels: half way between the middles of two is inside the wider one."""
    names = ["a.0", "a.1", "b.0", "b.1", "c.0", "c.1"]
    spans = [(0.0, 4.0), (5.0, 6.0), (7.0, 17.0), (18.0, 19.0), (20.0, 22.0), (23.0, 30.0)]
    made = look.blank(100)
    block_axis.apply(made, names, title="block", grouped=True, spans=spans)
    assert [(band.x0, band.x1) for band in made.layout.shapes] == [(-0.5, 6.5), (19.5, 30.5)]
    assert list(made.layout.xaxis.tickvals) == [2.0, 5.5, 12.0, 18.5, 21.0, 26.5]
