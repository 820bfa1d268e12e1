"""The common look: how numbers are written, and a colour for every width."""

import math
import re

import pytest
from streamlit.elements.lib import streamlit_plotly_theme

from explorer.figures import look
from explorer.plans import ALLOWED_BITS


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (999.6, "1.0 kB"),
        (1000, "1.0 kB"),
        (81_888, "81.9 kB"),
        (999_940, "999.9 kB"),
        (999_960, "1.00 MB"),
        (11_690_000, "11.69 MB"),
        (1_234_567_890, "1.23 GB"),
    ],
)
def test_sizes_are_decimal_and_never_four_digits_of_a_unit(size: float, text: str) -> None:
    assert look.bytes_text(size) == text


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"),
        (12, "12"),
        (999, "999"),
        (1000, "1 k"),
        (31_000_000, "31 M"),
        (40_813_184, "40.8 M"),
        (999_600, "1 M"),
        (2.6e9, "2.6 G"),
        (1.84e12, "1.84 T"),
        (-12_345, "-12.3 k"),
    ],
)
def test_counts_have_a_prefix_and_three_digits(number: float, text: str) -> None:
    assert look.count_text(number) == text


@pytest.mark.parametrize("number", [1, 50, 1e3, 9.994e5, 9.995e5, 1e6, 9.999e8, 1e12, 9e14])
def test_counts_never_fall_into_powers_of_ten(number: float) -> None:
    assert "e" not in look.count_text(number)


@pytest.mark.parametrize(
    ("share", "error", "text"),
    [
        (0.93456, None, "93.46%"),
        (0.93456, 0.0035, "93.46 ± 0.35 %"),
        (1.0, 0.0, "100.00 ± 0.00 %"),
        (None, None, "–"),
        (None, 0.1, "–"),
    ],
)
def test_shares_are_per_cent_with_their_error(share: float | None, error: float | None, text: str) -> None:
    assert look.percent_text(share, error) == text


def test_every_width_has_a_colour_of_its_own() -> None:
    assert set(look.BIT_COLOURS) == set(ALLOWED_BITS)
    assert len(set(look.BIT_COLOURS.values())) == len(ALLOWED_BITS)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in look.BIT_COLOURS.values())


def test_few_bits_are_warm_and_many_are_cold() -> None:
    """Red falls and blue rises from 2 to 8 bits, the order that colour-blind people see too."""
    channels = [[int(look.BIT_COLOURS[bits][i : i + 2], 16) for i in (1, 3, 5)] for bits in range(2, 9)]
    warmth = [red - blue for red, _, blue in channels]
    assert warmth[0] > 0 > warmth[-1]
    assert all(math.copysign(1, warmth[i]) >= math.copysign(1, warmth[i + 1]) for i in range(6))


def test_weights_and_activations_differ_from_every_width() -> None:
    hues = {look.WEIGHTS, look.ACTIVATIONS, look.ACCENT}
    assert len(hues) == 3
    assert hues.isdisjoint(look.BIT_COLOURS.values())


def test_the_background_is_the_pages() -> None:
    made = look.blank(321)
    assert made.layout.height == 321
    assert made.layout.template.layout.paper_bgcolor == "rgba(0,0,0,0)"
    assert made.layout.template.layout.plot_bgcolor == "rgba(0,0,0,0)"


@pytest.mark.parametrize(
    ("low", "high", "texts"),
    [
        (150, 1900, ["100", "200", "500", "1,000", "2,000", "5,000", "10,000", "20,000", "50,000"]),
        (0.013, 0.06, ["0.01", "0.02", "0.03", "0.04"]),
        (1.6, 3.2, ["1", "1.5", "2", "2.5"]),
        (3e-6, 4e-6, ["1e-06", "1.5e-06", "2e-06", "2.5e-06", "3e-06", "3.5e-06"]),
        (0.091, 0.11, ["0.01", "0.012", "0.014"]),
    ],
)
def test_a_short_log_axis_has_its_numbers_in_full(low: float, high: float, texts: list[str]) -> None:
    ticks = look.log_ticks(low, high)
    assert ticks["ticktext"][: len(texts)] == texts
    assert sum(low <= value <= high for value in ticks["tickvals"]) >= 3
    assert [float(text.replace(",", "")) for text in ticks["ticktext"]] == ticks["tickvals"]


def test_a_faded_colour_is_the_same_colour() -> None:
    assert look.faded("#0e9384", 0.5) == "rgba(14, 147, 132, 0.5)"


@pytest.mark.parametrize(
    ("log10", "sign", "text"),
    [(-108.3, -1, "−5.0 · 10⁻¹⁰⁹"), (12.0, 1, "1.0 · 10¹²"), (2.9999, 1, "1.0 · 10³"), (-math.inf, 0, "0")],
)
def test_a_number_is_written_from_its_logarithm(log10: float, sign: int, text: str) -> None:
    assert look.power_text(log10, sign) == text


def test_every_text_has_the_colour_of_the_page_and_can_be_read() -> None:
    made = look.blank(100)
    made.add_bar(y=[1], marker={"color": [1], "colorbar": {"thickness": 3}})
    made.add_annotation(text="stage")
    made.update_xaxes(tickfont={"size": 12})
    layout = look.inked(made).layout
    axes = (layout.xaxis, layout.yaxis, made.data[0].marker.colorbar)
    fonts = [layout.font, layout.legend.font, layout.hoverlabel.font, layout.annotations[0].font]
    fonts += [font for axis in axes for font in (axis.tickfont, axis.title.font)]
    assert {font.color for font in fonts} == {look.INK}
    assert {font.size for font in fonts} == {look.TEXT_PIXELS, 12}, "a size that a figure asks for stays"


def test_no_colour_scale_appears_that_was_not_there() -> None:
    made = look.blank(100)
    made.add_scatter(y=[1])
    assert look.inked(made).data[0].marker.colorbar.to_plotly_json() == {}


def test_the_colour_of_text_is_the_one_that_streamlit_replaces() -> None:
    assert look.INK == streamlit_plotly_theme.GRAY_90
