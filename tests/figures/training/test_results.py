"""Results as arrows from untrained to trained, over the size of the plan."""

import pytest

from explorer.figures.training import results
from explorer.figures.training.results import Outcome

OUTCOMES = (Outcome("small", 20_000, 0.5, 0.02, 0.9, 0.01), Outcome("large", 40_000, 0.8, 0.015, 0.92, 0.01))


def test_both_ends_are_drawn_in_per_cent_with_their_errors() -> None:
    before, after = results.figure(OUTCOMES, reference=None).data
    assert list(before.x) == list(after.x) == [20.0, 40.0]
    assert list(before.y) == [50, 80]
    assert list(after.y) == [90, 92]
    assert list(before.error_y.array) == [2.0, pytest.approx(1.5)]
    assert list(before.hovertext) == ["small", "large"]
    assert (before.name, after.name) == ("without training (± 1 s.e.)", "after training (± 1 s.e.)")


def test_an_arrow_leads_from_before_to_after() -> None:
    arrows = results.figure(OUTCOMES, reference=None).layout.annotations
    assert [(a.ax, a.ay, a.x, a.y) for a in arrows] == [(20, 50, 20, 90), (40, 80, 40, 92)]


def test_the_fp32_network_is_a_line_with_its_size() -> None:
    made = results.figure(OUTCOMES, reference=(80_000, 0.94))
    [line] = made.layout.shapes
    assert line.y0 == line.y1 == 94
    assert made.layout.annotations[-1].text == "FP32, 80.0 kB"


def test_axes_name_units() -> None:
    made = results.figure(OUTCOMES, reference=None)
    assert "kB, 1 kB = 1,000 bytes" in made.layout.xaxis.title.text
    assert made.layout.yaxis.title.text == "test accuracy (%)"
