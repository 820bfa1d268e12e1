"""The skyline of a network: where its boxes stand, how large and of what colour they are."""

from itertools import pairwise
from typing import Any

import pytest

from explorer.blocks import Block, Layer
from explorer.figures import architecture, look
from explorer.figures.architecture import Box


def block(name: str, weights: int, output: tuple[int, ...], macs: int = 0) -> Block:
    layer = Layer(name, "Conv2d", f"{name}.weight", (weights,), weights, macs, (), output)
    return Block(name, (layer,))


BLOCKS = (block("conv", 100, (16, 28, 28), 12_000), block("fc", 300, (4,)), block("unseen", 100, ()))


def about(value: float) -> Any:
    return pytest.approx(value)


def test_a_box_is_as_tall_as_its_image_and_as_wide_as_its_channels() -> None:
    assert architecture.view(BLOCKS) == (
        Box("conv", 0.0, 4.0, 28**0.5, 0.2, None, architecture.view(BLOCKS)[0].hover),
        Box(
            "fc",
            about(5.2),
            2.5,
            1.0,
            0.6,
            None,
            "<b>fc</b> (Conv2d)<br>300 weights, 60.0% of all<br>makes 4",
        ),
        Box(
            "unseen",
            about(8.9),
            10**0.5,
            3.0,
            0.2,
            None,
            "<b>unseen</b> (Conv2d)<br>100 weights, 20.0% of all",
        ),
    )


def test_a_box_says_what_it_is() -> None:
    hover = architecture.view(BLOCKS, {"conv": 3, "fc": 8, "unseen": 32})[0].hover
    assert hover.split("<br>") == [
        "<b>conv</b> (Conv2d)",
        "100 weights, 20.0% of all",
        "makes 16 × 28 × 28",
        "12 kMACs per sample",
        "3 bits",
    ]


def test_without_a_plan_the_colour_is_the_share_of_the_weights() -> None:
    [bars] = architecture.figure(architecture.view(BLOCKS)).data
    assert list(bars.marker.color) == [0.2, 0.6, 0.2]
    assert "share" in bars.marker.colorbar.title.text
    assert [data[0] for data in bars.customdata] == ["conv", "fc", "unseen"]


def test_with_a_plan_the_colour_is_the_width_and_a_legend_says_which() -> None:
    made = architecture.figure(architecture.view(BLOCKS, {"conv": 3, "fc": 8, "unseen": 32}))
    bars, *legend = made.data
    assert list(bars.marker.color) == [look.BIT_COLOURS[bits] for bits in (3, 8, 32)]
    assert [(entry.name, entry.marker.color) for entry in legend] == [
        ("3 bits", look.BIT_COLOURS[3]),
        ("8 bits", look.BIT_COLOURS[8]),
        ("FP32", look.BIT_COLOURS[32]),
    ]


def test_boxes_do_not_touch_and_stand_about_the_middle() -> None:
    boxes = architecture.view(BLOCKS)
    for one, next_one in pairwise(boxes):
        assert next_one.left > one.left + one.width
    [bars] = architecture.figure(boxes).data
    assert [base + height / 2 for base, height in zip(bars.base, bars.y, strict=True)] == [0, 0, 0]
    assert list(bars.x) == [box.left + box.width / 2 for box in boxes]


def test_nothing_to_draw_is_an_empty_picture() -> None:
    assert len(architecture.figure(architecture.view(())).data[0].x or ()) == 0


def test_a_box_of_a_language_model_is_as_tall_as_its_tokens_and_as_wide_as_its_features() -> None:
    """Where nothing is convolved the last dimension holds the features, and nobody speaks of channels."""
    layer = Layer("up", "Linear", "up.weight", (256, 64), 256 * 64, 0, (), (16, 256))
    blocks = (Block("up", (layer,)),)
    assert [(box.width, box.height) for box in architecture.view(blocks)] == [(16.0, 4.0)]
    assert "features" in architecture.words(blocks)
    assert "channels" in architecture.words((*blocks, *BLOCKS))
