"""The pictures of how far a choice can be trusted: shares of draws, and what a restriction costs."""

import numpy as np

from explorer.figures import look
from explorer.figures.plans import restriction, stability
from explorer.figures.plans.restriction import RestrictionCurve

SHARES = {"a": {4: 1.0}, "b": {2: 0.25, 4: 0.75}}


def test_the_shares_of_a_block_are_stacked_in_the_colours_of_the_widths() -> None:
    made = stability.figure(SHARES, {"a": 4, "b": 4})
    two, four = made.data
    assert (list(two.y), list(four.y)) == ([0.0, 0.25], [1.0, 0.75])
    assert (two.marker.color, four.marker.color) == (look.BIT_COLOURS[2], look.BIT_COLOURS[4])
    assert made.layout.barmode == "stack"
    assert made.layout.yaxis.title.text == "share of the draws"


def test_unsure_blocks_come_unsurest_first() -> None:
    assert stability.unsure({"a": 0.05, "b": 0.2, "c": 0.6}) == ["c", "b"]


def test_where_a_restriction_has_no_plan_its_curve_has_a_gap() -> None:
    curve = RestrictionCurve(np.array([1.0, 2.0, 3.0]), np.array([np.inf, 2.0, 1.0]))
    made = restriction.figure({"set B": curve}, label="budget", unit="kB")
    assert np.isnan(made.data[0].y[0])
    assert list(made.data[0].y[1:]) == [2.0, 1.0]
    assert made.layout.xaxis.title.text == "budget (kB)"
