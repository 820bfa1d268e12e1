"""Slices as pictures: shared scales, a logarithm that is never of zero, rings at the measured loss, missing points."""

import math
from dataclasses import replace

import numpy as np
import pytest

from explorer.figures import landscape, look
from explorer.landscape.result import Axis, Mark, Slice

STEPS = np.linspace(-1.0, 1.0, 5)
TOP = Axis("top eigenvector", 1.0, 0.1, 4.0, 0.5, 3.0, 0.4)
SECOND = Axis("second eigenvector", 1.0, 0.0, 1.0, 0.1)
MARKS = (
    Mark(8, 0.01, (0.001, 0.0), 0.01, 1.0001, 0.0001, 1.0001),
    Mark(2, 0.7, (0.7, 0.0), 0.99, 1.9, 0.1, 2.0),
)


def line(block: str | None = "a", *, bend: float = 4.0, marks: tuple[Mark, ...] = ()) -> Slice:
    predicted = 1 + 0.1 * STEPS + bend / 2 * STEPS**2
    return Slice(
        study="tiny", block=block, directions="eigen", radius=1.0, samples=9, bits=(), seed=0,
        axes=(replace(TOP, curvature=bend),), cross=0.0, coordinates=STEPS, loss=predicted + 0.01 * STEPS**4,
        measured=np.ones(5, dtype=bool), stderr=np.full(5, 0.02), predicted=predicted, centre_loss=1.0,
        centre_stderr=0.1, weights=7, weight_norm=3.0,
        marks=tuple(replace(mark, coordinates=mark.coordinates[:1]) for mark in marks),
    )  # fmt: skip


def plane(block: str = "a", *, bend: float = 4.0) -> Slice:
    x, y = np.meshgrid(STEPS, STEPS, indexing="ij")
    predicted = 1 + 0.1 * x + bend / 2 * x**2 + y**2 / 2
    made = replace(line(block, bend=bend), axes=(replace(TOP, curvature=bend), SECOND), marks=MARKS)
    shape = predicted.shape
    return replace(
        made, predicted=predicted, loss=predicted + 0.1 * x * y**2, measured=np.ones(shape, dtype=bool),
        stderr=np.full(shape, 0.02),
    )  # fmt: skip


def test_panels_share_their_scales() -> None:
    seen = landscape.view([line("a"), line("b", bend=40.0)], log=False)
    assert seen.heights == pytest.approx((min(line().loss), line(bend=40.0).loss.max()))
    made = landscape.figure(seen)
    assert made.layout.xaxis.range == made.layout.xaxis2.range == (-1.04, 1.04)
    assert made.layout.yaxis2.matches == "y" or made.layout.yaxis.range == made.layout.yaxis2.range
    low, high = made.layout.yaxis.range
    assert low < seen.heights[0]
    assert high > seen.heights[1]


def test_a_line_has_its_measurement_its_band_and_its_prediction() -> None:
    given = line(marks=MARKS)
    band, measured, predicted, *rings = landscape.figure(landscape.view([given], log=False)).data
    np.testing.assert_allclose(measured.y, given.loss)
    np.testing.assert_allclose(band.y, [*(given.loss + 0.02), *(given.loss - 0.02)[::-1]])
    np.testing.assert_allclose(predicted.y, given.predicted)
    assert predicted.line.dash == "dash"
    assert [ring.name for ring in rings] == ["2 bits", "8 bits"], (
        "the wide ring is drawn first, under the narrow one"
    )


def test_a_ring_stands_at_the_measured_loss_in_the_colour_of_its_bits() -> None:
    *_, two, eight = landscape.figure(landscape.view([line(marks=MARKS)], log=False)).data
    assert (list(two.x), list(two.y)) == ([0.7], [1.9])
    assert (two.marker.color, eight.marker.color) == (look.BIT_COLOURS[2], look.BIT_COLOURS[8])
    assert (two.marker.symbol, eight.marker.symbol) == ("circle", "circle-open"), "hollow: off the slice"
    assert two.marker.size > eight.marker.size
    assert "99% of |ΔW|² lies in this slice" in two.hovertext[0]
    assert "measured loss 1.9 (+0.9 ± 0.1)" in two.hovertext[0]
    assert "the quadratic says +1" in two.hovertext[0]


def test_a_ring_far_above_the_slice_is_an_arrow_at_the_ceiling_and_the_slice_stays_seen() -> None:
    far = replace(MARKS[1], loss=90.0)
    seen = landscape.view([line(marks=(MARKS[0], far))], log=False, unit="nats")
    two, eight = seen.panels[0].rings
    assert (two.beyond, eight.beyond) == (True, False)
    assert two.height == seen.ceiling < 2 * seen.heights[1]
    made = landscape.figure(seen)
    assert made.data[-2].marker.symbol == "triangle-up-open"
    assert "measured loss 90" in made.data[-2].hovertext[0], "the card tells where it is"
    assert made.layout.yaxis.title.text == "loss (nats)"
    logarithmic = landscape.view([line(marks=(far,))], log=True)
    assert not logarithmic.panels[0].rings[0].beyond
    assert logarithmic.ceiling == pytest.approx(90 - min(line().loss))


def test_every_width_is_in_the_legend_once_whichever_panel_has_it_first() -> None:
    made = landscape.figure(
        landscape.view([line("a"), line("b", marks=MARKS), line("c", marks=MARKS)], log=False)
    )
    shown = [trace.name for trace in made.data if trace.showlegend and trace.name.endswith("bits")]
    assert shown == ["2 bits", "8 bits"]


def test_the_logarithm_is_of_the_rise_above_each_panels_own_lowest_point_and_has_a_floor() -> None:
    given = [line("a"), replace(line("b", bend=400.0), centre_loss=5.0, loss=line(bend=400.0).loss + 4)]
    seen = landscape.view(given, log=True)
    for panel, each in zip(seen.panels, given, strict=True):
        assert panel.height.min() == seen.floor, "the lowest point, whose rise is 0"
        np.testing.assert_allclose(panel.height.max(), each.loss.max() - each.loss.min())
        assert (panel.predicted >= seen.floor).all(), "below the lowest point there is no logarithm either"
    assert seen.floor == pytest.approx(1e-3), "five decades below 200, and a power of ten"
    made = landscape.figure(seen)
    assert made.layout.yaxis.type == "log"
    assert made.layout.yaxis.range[0] < -3
    assert made.layout.yaxis.title.text == "rise of the loss"


def test_a_level_landscape_has_no_logarithm_to_draw_and_draws_nothing_wrong() -> None:
    flat = replace(line(), loss=np.ones(5), predicted=np.ones(5))
    seen = landscape.view([flat], log=True)
    assert (seen.log, seen.floor) == (False, 0)
    landscape.figure(seen)
    landscape.figure(landscape.view([replace(plane(), loss=np.ones((5, 5)))], log=True), relief=True)


def test_what_is_not_finite_or_not_measured_is_left_out_and_counted() -> None:
    loss = np.array([np.inf, 2.0, 1.0, np.nan, np.nan])
    given = replace(line(), loss=loss, measured=np.array([True, True, True, True, False]))
    seen = landscape.view([given], log=False)
    assert seen.missing == 2
    assert seen.heights == (1.0, 2.0)
    _, measured, _ = landscape.figure(seen).data
    assert list(measured.x) == [-0.5, 0.0]
    unmeasured = replace(line(), loss=np.full(5, np.nan), measured=np.zeros(5, dtype=bool))
    for log in (False, True):
        landscape.figure(landscape.view([unmeasured], log=log))


def test_contours_have_one_colour_scale_square_axes_and_a_dotted_prediction() -> None:
    seen = landscape.view([plane("a"), plane("b", bend=1.0)], log=False)
    made = landscape.figure(seen)
    contours = [trace for trace in made.data if trace.type == "contour"]
    measured, predicted = contours[::2], contours[1::2]
    assert all(trace.coloraxis == "coloraxis" for trace in measured)
    assert (made.layout.coloraxis.cmin, made.layout.coloraxis.cmax) == seen.heights
    assert all(trace.line.dash == "dot" and trace.contours.coloring == "none" for trace in predicted)
    assert len({(trace.contours.start, trace.contours.end, trace.contours.size) for trace in contours}) == 1
    np.testing.assert_allclose(measured[0].z, plane("a").loss.T, rtol=1e-6), "rows run along the second axis"
    assert (made.layout.yaxis.scaleanchor, made.layout.yaxis2.scaleanchor) == ("x", "x2")
    assert made.layout.xaxis.title.text == "step along the<br>top eigenvector<br>(weight units, |ΔW|)"
    assert made.layout.yaxis.title.text == "second eigenvector (weight units)"


def test_log_contours_are_exponents_with_powers_on_the_scale() -> None:
    seen = landscape.view([plane()], log=True)
    made = landscape.figure(seen)
    assert made.data[0].z.max() == pytest.approx(math.log10(seen.heights[1]))
    assert all(text.startswith("10<sup>") for text in made.layout.coloraxis.colorbar.ticktext)
    (
        np.testing.assert_allclose(made.data[0].customdata, seen.panels[0].height.T),
        "the hover card tells heights",
    )


def test_surfaces_share_their_height_and_the_prediction_is_seen_through() -> None:
    seen = landscape.view([plane("a"), plane("b", bend=40.0)], log=False)
    made = landscape.figure(seen, relief=True)
    assert made.layout.scene.zaxis.range == made.layout.scene2.zaxis.range
    assert made.layout.scene.xaxis.range == made.layout.scene2.yaxis.range == (-1.0, 1.0)
    surfaces = [trace for trace in made.data if trace.type == "surface"]
    assert [trace.opacity for trace in surfaces] == [None, 0.35, None, 0.35]
    assert surfaces[0].z.dtype == np.float32
    [two, _] = [trace for trace in made.data if trace.type == "scatter3d" and trace.scene == "scene"]
    assert (two.x[0], two.y[0]) == (0.7, 0.0)
    low, high = made.layout.scene.zaxis.range
    assert 1.9 < two.z[0] < 1.9 + 0.1 * (high - low), "lifted a little, or the surface would cut through it"


def test_a_growing_plane_is_drawn_on_the_finest_grid_of_which_anything_is_known() -> None:
    whole = plane()
    coarse = np.zeros((5, 5), dtype=bool)
    coarse[::4, ::4] = True
    steps = np.linspace(-1, 1, 9)
    loss = np.full((9, 9), np.nan)
    loss[::2, ::2] = whole.loss
    growing = replace(
        whole, coordinates=steps, loss=loss, measured=np.isfinite(loss), stderr=np.zeros((9, 9)),
        predicted=np.ones((9, 9)),
    )  # fmt: skip
    for relief in (False, True):
        first = landscape.figure(landscape.view([growing], log=False), relief=relief).data[0]
        assert list(first.x) == pytest.approx(list(STEPS))
        assert first.connectgaps
    loss[1, 1] = 2.0
    finer = replace(growing, loss=loss, measured=np.isfinite(loss))
    assert len(landscape.figure(landscape.view([finer], log=False)).data[0].x) == 9
    assert not landscape.figure(landscape.view([whole], log=False)).data[0].connectgaps, (
        "a gap at the end is one"
    )


def test_four_panels_stand_two_by_two() -> None:
    made = landscape.figure(landscape.view([plane(name) for name in "abcd"], log=False))
    rows = {(made.layout[f"yaxis{n}"].domain[0] > 0.5) for n in ("", "2", "3", "4")}
    assert rows == {True, False}
    titles = [note.text for note in made.layout.annotations]
    assert [title[:8] for title in titles] == [f"<b>{name}</b>" for name in "abcd"]
    assert "curvature 4 ± 0.5, 1 ± 0.1" in titles[0]


def test_the_figure_keeps_zoom_and_camera_until_it_is_another_one() -> None:
    seen = landscape.view([plane()], log=False)
    assert landscape.figure(seen, revision="one").layout.uirevision == "one"


def test_the_strip_names_what_is_clicked_and_marks_what_is_chosen() -> None:
    made = landscape.strip({"a": 1.0, "b": -0.1}, ["b"])
    [bars] = made.data
    assert [data[0] for data in bars.customdata] == ["a", "b"]
    assert (list(bars.y), list(bars.x)) == ([0, 1], [1.0, 0.1])
    assert list(made.layout.yaxis.ticktext) == ["a", "✓ b"]
    assert bars.marker.color[0] != bars.marker.color[1]
    assert bars.unselected.marker.opacity == 1
