"""Candidates across parallel axes: units, what is not known, and what a brush means."""

import pytest

from explorer.figures.plans import parallel
from explorer.figures.plans.parallel import Axis, View

NAMES = ("one", "other")


def test_the_view_has_an_axis_for_each_thing_that_is_known() -> None:
    """Groups of blocks by their first, numbers in their unit; lines are coloured by accuracy."""
    found = parallel.view(
        NAMES,
        {("a", "c"): [2, 4]},
        {"size": [1500.0, 3000.0], "omega": [0.1, 0.01], "accuracy": [None, 0.9], "latency": [None, None]},
    )
    assert found == View(
        NAMES,
        (
            Axis("bits of a", "a + 1 more", (2.0, 4.0), bits=True),
            Axis("size", "size (kB)", (1.5, 3.0), 1e3),
            Axis("omega", "Ω", (0.1, 0.01), log=True),
            Axis("accuracy", "accuracy (%)", (None, 90.0), 0.01),
        ),
        "accuracy",
    )


def test_what_is_not_known_lies_below_the_axis_and_no_number_is_written_there() -> None:
    """A line that ended at zero would be a claim."""
    of = parallel.view(NAMES, {}, {"size": [1000.0, 2000.0], "omega": [0.0, 1e-3], "accuracy": [0.9, None]})
    size, omega, accuracy = parallel.figure(of).to_dict()["data"][0]["dimensions"]
    assert list(size["values"]) == [1.0, 2.0]
    assert size["ticktext"] == ["1", "2"]
    for axis, missing in ((omega, 0), (accuracy, 1)):  # zero has no logarithm
        unknown = list(axis["values"])[missing]
        assert axis["ticktext"][0] == "–"
        assert axis["tickvals"][0] == unknown == axis["range"][0]
        assert unknown < min(axis["tickvals"][1:])


@pytest.mark.parametrize(
    ("axis", "drawn", "meant"),
    [
        (Axis("size", "", (1.0,), 1e3), (1.0, 2.0), (1e3, 2e3)),
        (Axis("accuracy", "", (90.0,), 0.01), (90.0, 95.0), (0.9, 0.95)),
        (Axis("omega", "", (0.1,), log=True), (-2.0, -1.0), (0.01, 0.1)),
    ],
)
def test_a_brush_is_told_in_the_numbers_own_unit(
    axis: Axis, drawn: tuple[float, float], meant: tuple[float, float]
) -> None:
    """Whatever the axis is drawn in."""
    assert parallel.drawn_range(axis, drawn) == pytest.approx(meant)
