"""The words under a slice: they speak of the place where the picture shows most."""

from dataclasses import replace

import numpy as np
import pytest

from explorer.figures import landscape
from explorer.landscape import Slice
from explorer.ui.landscape import words
from tests.figures.landscape.test_landscape import STEPS, line, plane


def said(*slices: Slice) -> str:
    return " ".join(words.sentences(slices, landscape.view(slices, log=False), relief=False))


def test_the_quadratic_is_told_where_it_is_worst_and_not_at_the_edge_alone() -> None:
    """At half the way the loss rises by 3 where 1 is predicted; at the edge it is nearly right."""
    predicted = 1 + 4 * STEPS**2
    loss = predicted + np.array([0.4, 2.0, 0.0, 2.0, 0.4])
    assert "is off the most 50% of the way to the edge of the plot: by 67% of the rise" in said(
        replace(line(), loss=loss, predicted=predicted)
    )


def test_far_out_it_is_the_edge_and_more_than_the_rise_is_a_factor() -> None:
    predicted = 1 + 4 * STEPS**2
    off = replace(line(), loss=1 + STEPS**2, predicted=predicted)
    assert (
        "The quadratic is off the most 50% of the way to the edge of the plot: by 3 times the rise."
        in said(off)
    )
    rising = replace(line(), loss=predicted + STEPS**4, predicted=predicted)
    assert "off the most at the edge of the plot: by 20% of the rise." in said(rising)


def test_of_several_the_worst_is_named_and_what_is_not_measured_is_left_out() -> None:
    good, bad = line("good"), replace(line("bad"), predicted=line("bad").loss * 1.5)
    missing = replace(bad, block="missing", loss=np.full(5, np.nan))
    assert "The quadratic of **bad** is off" in said(good, bad, missing)
    assert "off the most" not in said(missing)


@pytest.mark.parametrize("flat", [1.0, 1.0 + 1e-9])
def test_where_the_loss_hardly_rises_nothing_is_told(flat: float) -> None:
    """Rounding is no fault of the quadratic: of a valley with a flat floor the walls are looked at."""
    loss = np.array([5.0, flat, 1.0, flat, 5.0])
    assert "at the edge of the plot: by" in said(replace(line(), loss=loss, predicted=1 + 2 * STEPS**2))


def test_of_a_plane_the_rings_are_squares() -> None:
    seen = plane()
    away = np.maximum(np.abs(STEPS)[:, None], np.abs(STEPS)[None, :])
    predicted = np.where(away == 0.5, seen.loss + 3.0, seen.loss)
    assert "off the most 50% of the way" in said(replace(seen, predicted=predicted))
