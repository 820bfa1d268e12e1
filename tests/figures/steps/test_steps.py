"""Pictures of step sizes: surfaces, curves, Hessians and histograms show the numbers they were given."""

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from explorer.figures import look
from explorer.figures.steps import curves as step_curves
from explorer.figures.steps import hessian as step_hessian
from explorer.figures.steps import histogram
from explorer.figures.steps import surface as step_surface


def surface(*, missing: int = 0) -> dict[str, Any]:
    """A bowl over two steps with its lowest point at (0.2, 0.4)."""
    axes = [np.linspace(0.1, 0.3, 5), np.linspace(0.2, 0.6, 5)]
    loss = 0.5 + (axes[0][:, None] - 0.2) ** 2 + 2 * (axes[1] - 0.4) ** 2
    loss.ravel()[25 - missing :] = np.nan
    return {
        "sites": ["a.input", "b.weight"],
        "reaches": [8.0, 4.0],
        "axes": [axis.tolist() for axis in axes],
        "loss": loss.tolist(),
        "marks": [
            {"kind": "lp", "steps": [0.15, 0.3], "loss": 0.6, "p": 2.0},
            {"kind": "lp", "steps": [0.25, 0.5], "loss": 0.7, "p": 3.0},
            {"kind": "quadratic", "steps": [0.18, 0.35], "loss": 0.55, "p": 2.3},
            {"kind": "optimum", "steps": [0.2, 0.4], "loss": 0.5, "p": None},
        ],
        "path": [[[0.18, 0.35], 0.55], [[0.2, 0.4], 0.5]],
    }


def trace(made: go.Figure, name: str) -> Any:
    [found] = [each for each in made.data if each.name == name]
    return found


def test_a_surface_lies_over_its_steps_with_rows_along_the_second() -> None:
    given = surface()
    made = step_surface.contours(step_surface.view(given))
    heights = made.data[0]
    np.testing.assert_allclose(heights.z, np.array(given["loss"]).T, rtol=1e-6)
    np.testing.assert_allclose(heights.x, given["axes"][0])
    assert "a.input" in made.layout.xaxis.title.text
    assert "units of the tensor" in made.layout.yaxis.title.text
    assert made.layout.coloraxis.colorbar.title.text == "loss (nats)"
    assert not heights.connectgaps


def test_what_was_found_is_drawn_where_it_is() -> None:
    made = step_surface.contours(step_surface.view(surface()))
    assert list(trace(made, "L_p points").x) == [0.15, 0.25]
    assert list(trace(made, "L_p points").text) == ["p = 2", "p = 3"]
    assert list(trace(made, "joint descent").y) == [0.35, 0.4]
    assert (list(trace(made, "end of the descent").x), list(trace(made, "end of the descent").y)) == (
        [0.2],
        [0.4],
    )
    assert "p = 2.3" in trace(made, "quadratic fit").hovertext[0]


def test_by_clips_everything_moves_with_the_axes() -> None:
    made = step_surface.contours(step_surface.view(surface(), by="clip"))
    assert made.layout.xaxis.range == pytest.approx((0.8, 2.4))
    assert list(trace(made, "end of the descent").x) == pytest.approx([1.6])
    assert list(trace(made, "end of the descent").y) == pytest.approx([1.6])
    assert made.layout.xaxis.title.text.startswith("clip")


def test_in_three_dimensions_the_points_lie_on_the_surface() -> None:
    seen = step_surface.view(surface(), log=True)
    made = step_surface.surface(seen)
    assert trace(made, "end of the descent").z[0] == pytest.approx(math.log10(0.5))
    assert float(np.nanmin(made.data[0].z)) == pytest.approx(math.log10(0.5))
    assert seen.log


def test_a_growing_surface_shows_only_what_is_known() -> None:
    seen = step_surface.view(surface(missing=7))
    assert seen.growing
    heights = step_surface.contours(seen).data[0]
    assert np.array(heights.z).shape == (5, 4), "a row of the first axis is missing whole"
    assert heights.connectgaps


def test_losses_that_are_not_finite_are_left_out_and_a_level_one_has_a_scale() -> None:
    given = surface()
    given["loss"][0][0] = math.inf
    seen = step_surface.view(given)
    assert np.isnan(seen.height[0, 0])
    assert not seen.growing
    flat = {**surface(), "loss": np.ones((5, 5)).tolist(), "marks": [], "path": []}
    low, high = step_surface.contours(step_surface.view(flat)).layout.coloraxis.cmin, 2.0
    assert low < high
    negative = {**surface(), "loss": (-np.ones((5, 5))).tolist()}
    assert not step_surface.view(negative, log=True).log


def test_an_error_curve_has_its_least_at_1_where_the_spot_is() -> None:
    content = {
        "p": [1.0, 2.0],
        "steps": [0.1, 0.2, 0.3],
        "errors": [[4.0, 2.0, 3.0], [0.6, 0.5, 0.3]],
        "best": [0.21, 0.29],
    }
    seen = step_curves.errors_view(content)
    assert [min(curve.y) for curve in seen.curves] == [1.0, 1.0]
    assert [spot.x for spot in seen.spots] == [0.21, 0.29]
    assert [spot.colour for spot in seen.spots] == [curve.colour for curve in seen.curves]
    assert "N(0, 1)" in seen.x_title
    assert "w.input" in step_curves.errors_view(content | {"site": "w.input"}).x_title
    assert step_curves.figure(seen).layout.yaxis.type == "log"


def p_points() -> dict[str, Any]:
    points = [
        {"p": p, "loss": (p - 3) ** 2 + 1, "accuracy": 0.9 - 0.1 * abs(p - 3), "accuracy_stderr": 0.01}
        for p in (2.0, 2.5, 3.5, 4.0)
    ]
    return {"points": points, "coefficients": [1.0, -6.0, 10.0], "vertex": 3.0}


def test_the_parabola_of_p_goes_through_its_vertex() -> None:
    seen = step_curves.p_view(p_points())
    measured, fitted = seen.curves
    assert measured.y == (2.0, 1.25, 1.25, 2.0)
    assert min(fitted.y) == pytest.approx(1.0)
    assert seen.spots[0].x == 3.0
    assert seen.spots[0].y == pytest.approx(1.0)
    accuracy = step_curves.p_view(p_points(), of="accuracy")
    assert accuracy.curves[0].stderr == (0.01,) * 4
    drawn = step_curves.figure(accuracy)
    assert drawn.layout.yaxis.tickformat == ".0%"
    assert list(drawn.data[0].error_y.array) == [0.01] * 4
    lapq = {"p": [2.0, 3.0], "losses": [1.0, 2.0], "coefficients": [], "vertex": None}
    assert step_curves.p_view(lapq).curves[0].y == (1.0, 2.0), "the p-curve of a LAPQ result"


def test_calibration_shows_means_over_draws_and_their_standard_errors() -> None:
    points = [
        {"size": size, "seed": seed, "accuracy": accuracy}
        for size, seed, accuracy in ((64, 0, 0.8), (64, 1, 0.9), (16, 0, 0.5))
    ]
    [curve] = step_curves.calibration_view({"points": points}).curves
    assert curve.x == (16.0, 64.0)
    assert curve.y == pytest.approx((0.5, 0.85))
    assert curve.stderr == pytest.approx((0.0, 0.05))


def test_calibration_says_which_loss_it_shows_and_draws_nothing_where_there_is_none() -> None:
    points = [{"size": 16, "seed": 0, "loss": 1.0, "test_loss": 2.0, "accuracy": None}]
    titles = {
        of: step_curves.calibration_view({"points": points}, of=of).y_title for of in ("loss", "test_loss")
    }
    assert titles == {
        "loss": "loss of the calibration samples (nats)",
        "test_loss": "loss of the test samples (nats)",
    }
    [none] = step_curves.calibration_view({"points": points}).curves
    assert none.x == none.y == ()


def test_distance_descent_and_widths_have_their_axes() -> None:
    points = [{"ratio": r, "distance": 0.0, "loss": r * r} for r in (0.5, 1.0, 2.0)]
    seen = step_curves.distance_view({"points": points})
    assert (seen.spots[0].x, seen.spots[0].y) == (1.0, 1.0)
    path = [{"forward_equivalents": 1.0, "loss": 2.0}, {"forward_equivalents": 5.0, "loss": 1.0}]
    [curve] = step_curves.descent_view({"powell": path}).curves
    assert (curve.x, curve.y, curve.name) == ((1.0, 5.0), (2.0, 1.0), "powell")
    records = [
        {
            "w_bits": 32,
            "a_bits": bits,
            "curvature": {"clip": {"log10": -bits, "log10_n": -2 * bits}},
            "coupling_by_distance": [0.5, 0.2],
            "share": 1 / bits,
            "pair_share": 0.1,
        }
        for bits in (4, 2)
    ]
    assert [curve.y for curve in step_curves.curvature_view(records).curves] == [(-2.0, -4.0), (-4.0, -8.0)]
    assert step_curves.separability_view(records).curves[0].y == (0.5, 0.25)
    two, four = step_curves.coupling_view(records).curves
    assert (two.colour, four.colour) == (look.BIT_COLOURS[2], look.BIT_COLOURS[4])


def hessian() -> dict[str, Any]:
    return {
        "sites": ["a.input", "b.input"],
        "log_hessian": [[4.0, -1.0], [-1.0, 1.0]],
        "log_stderr": [[0.5, 0.2], [0.2, 0.1]],
        "coupling": [[1.0, 0.5], [0.5, 1.0]],
    }


def test_a_hessian_is_written_as_a_matrix_with_its_errors() -> None:
    made = step_hessian.figure(step_hessian.view(hessian()))
    heat = made.data[0]
    np.testing.assert_allclose(heat.z, [[4, -1], [-1, 1]])
    assert (heat.zmin, heat.zmax) == (-4, 4), "zero in the middle of the colours"
    assert heat.customdata[0][1] == [step_hessian.pair_name("a.input", "b.input"), " ± 0.2"]
    assert made.layout.yaxis.autorange == "reversed"
    assert "log" in heat.colorbar.title.text
    coupling = step_hessian.figure(step_hessian.view(hessian(), shown="coupling")).data[0]
    assert (coupling.zmin, coupling.zmax) == (0, 1)
    assert coupling.customdata[0][1][1] == ""


def test_interactions_have_the_damage_of_each_on_the_diagonal() -> None:
    record = {
        "sites": ["a", "b"],
        "pairs": [[0.0, math.nan], [math.nan, 0.0]],
        "pairs_stderr": [[0.0, math.nan], [math.nan, 0.0]],
        "alone": [0.3, 0.1],
        "alone_stderr": [0.01, 0.02],
    }
    seen = step_hessian.interactions_view(record)
    assert (seen.values[0, 0], seen.values[1, 1], seen.limit) == (0.3, 0.1, 0.3)
    assert step_hessian.figure(seen).data[0].customdata[0][1][1] == "", "not measured: no error either"


def test_a_histogram_shows_its_levels_and_the_share_that_is_clipped() -> None:
    values = np.array([-3.0, -1.0, -0.4, 0.0, 0.2, 0.9, 1.0, 5.0])
    seen = histogram.view(values, [-1.0, 0.0, 1.0], name="conv1.weight")
    assert seen.counts.sum() == 8
    assert seen.clip == (-1.0, 1.0)
    assert seen.beyond == (0.125, 0.125)
    by_hand = (4 + 0.16 + 0.04 + 0.01 + 16) / 8
    assert seen.mean_squared_error == pytest.approx(by_hand)
    made = histogram.figure(seen)
    assert [x for x in trace(made, "3 levels").x if x is not None] == [-1, -1, 0, 0, 1, 1]
    assert [each.text for each in made.layout.annotations] == ["12.50% clipped", "12.50% clipped"]
    assert made.layout.xaxis.title.text == "values (units of the tensor)"
    assert made.data[0].marker.color == look.WEIGHTS


def test_a_grid_that_reaches_beyond_the_values_is_in_the_picture_and_clips_nothing() -> None:
    seen = histogram.view(np.array([0.1, 0.2]), np.arange(256) / 100, name="x", kind="input")
    assert seen.beyond == (0.0, 0.0)
    assert seen.edges[-1] == pytest.approx(2.55)
    made = histogram.figure(seen, log=True)
    assert not made.layout.annotations
    assert len(trace(made, "ends of 256 levels").x) == 6
    assert made.layout.yaxis.type == "log"
