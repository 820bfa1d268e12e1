"""The command ``landscape``: one JSON object, a table for people, mistakes before anything long."""

import re
from pathlib import Path

import pytest

from explorer.landscape import Slice

from .conftest import Command, complaint

QUICK = ("--dims", 1, "--points", 5, "--samples", 12)


def test_json_is_a_slice(explore: Command, folder: Path) -> None:
    found = explore("landscape", "--study", folder, "--block", "residual.first", *QUICK, "--json").json
    slice = Slice.from_json(found)
    assert (slice.study, slice.block, slice.dims, slice.points) == ("tiny", "residual.first", 1, 5)
    assert slice.complete
    assert [mark.bits for mark in slice.marks] == [8, 6, 4, 3, 2]
    again = explore("landscape", "--study", folder, "--block", "residual.first", *QUICK, "--json").json
    assert again == found, "looked up, not measured again"


def test_a_table_says_where_bits_land(explore: Command, folder: Path) -> None:
    answer = explore("landscape", "--study", folder, *QUICK, "--directions", "quantization", "--bits", "3")
    assert answer.status == 0, answer.err
    assert "all blocks of tiny" in answer.out
    assert "8 bits" in answer.out
    assert "3-bit perturbation: curvature" in answer.err


def test_every_option_is_described(explore: Command) -> None:
    text = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    section = text[text.index("## landscape") : text.index("## frontier")]
    options = set(re.findall(r"^  (--[a-z-]+)", explore("landscape", "--help").out, re.M))
    assert {option for option in options if option not in section} == {"--device", "--help", "--time-limit"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--block", "nowhere"), "tiny has no block 'nowhere'; use one of stem"),
        (("--points", "10"), "--points 10 cannot be refined; use one of 5, 9, 17"),
        (("--directions", "quantization", "--bits", "4"), "give 2 different widths"),
        (("--bits", "4,x"), "'4,x' must be whole numbers with a comma between"),
        (("--bits", "4,9"), "there is no width of 9 bits"),
        (("--radius", "0"), "0 must be a number above 0"),
        (("--dims", "3"), "Invalid value for '--dims'"),
    ],
)
def test_a_mistake_is_one_line(explore: Command, folder: Path, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in complaint(explore("landscape", "--study", folder, *words))
