"""The grids: as many levels as the bits say, and no other width."""

from __future__ import annotations

import numpy as np
import pytest

from explorer.errors import QuantizerError
from explorer.quantizers import WIDTHS, Grid, QuantizerSettings, check_bits


@pytest.mark.parametrize("bits", WIDTHS)
def test_a_grid_of_b_bits_has_2_to_the_b_levels(bits: int) -> None:
    for grid in (Grid.signed(bits), Grid.unsigned(bits)):
        assert len(grid.levels) == 2**bits
        assert (grid.levels[0], grid.levels[-1]) == (grid.qmin, grid.qmax)


def test_only_the_one_bit_signed_grid_lacks_a_zero() -> None:
    lacking = [g for b in WIDTHS for g in (Grid.signed(b), Grid.unsigned(b)) if 0 not in g.levels]
    assert lacking == [Grid.signed(1)]
    assert Grid.signed(1).is_sign
    assert not Grid.unsigned(1).is_sign


@pytest.mark.parametrize("bits", [0, -1, 9, 15, 17, 32, 64, 4.0, "4", None, True])
def test_any_other_width_is_refused_by_name(bits: object) -> None:
    for make in (Grid.signed, Grid.unsigned):
        with pytest.raises(QuantizerError, match=f"{bits!r} bits"):
            make(bits)  # type: ignore[arg-type]


def test_32_bits_are_a_width_only_where_a_layer_may_stay_in_fp32() -> None:
    assert check_bits(32, allow_float=True) == 32
    with pytest.raises(QuantizerError):
        check_bits(32)


@pytest.mark.parametrize("wrong", [{"scheme": "skewed"}, {"granularity": "row"}, {"step": "guess"}])
def test_unknown_settings_are_refused_with_the_choices(wrong: dict[str, str]) -> None:
    with pytest.raises(QuantizerError, match="choose one of"):
        QuantizerSettings(**wrong)  # type: ignore[arg-type]


def test_a_width_may_be_an_integer_of_numpy() -> None:
    """The frontier keeps bits in uint8 arrays, where 1 << 8 would be 0."""
    grid = Grid.unsigned(np.uint8(8))  # type: ignore[arg-type]
    assert grid == Grid.unsigned(8)
    assert type(grid.bits) is int
