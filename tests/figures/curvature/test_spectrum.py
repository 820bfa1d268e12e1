"""The density on its log axis: the floor, the band, and the nodes."""

from math import pi, sqrt
from typing import Any

import pytest

from explorer.figures.curvature import spectrum

RESULT: dict[str, Any] = {
    "block": None,
    "n": 100,
    "sigma": 0.5,
    "grid": [-1.0, 0.0, 1.0, 2.0],
    "density": [1e-30, 0.6, 0.01, 1e-9],
    "stderr": [1e-30, 0.1, 0.02, 1e-9],
    "probes": [{"values": [0.0, 1.5], "weights": [0.9, 0.1]}, {"values": [0.1, 1.4], "weights": [0.8, 0.2]}],
}
FLOOR = 0.05 / (100 * 0.5 * sqrt(2 * pi))


def test_what_is_less_than_one_eigenvalue_stands_on_the_floor() -> None:
    shown = spectrum.view(RESULT)
    assert shown.floor == pytest.approx(FLOOR)
    assert shown.density == (shown.floor, 0.6, 0.01, shown.floor)
    assert shown.low == (shown.floor, 0.5, shown.floor, shown.floor), "a band has no negative end"
    assert shown.high[1:3] == (0.7, 0.03)
    assert shown.nodes == (0.0, 1.5, 0.1, 1.4)
    assert shown.name == "whole network"
    assert spectrum.view({**RESULT, "block": "conv1"}).name == "conv1"


def test_the_figure_has_a_band_a_line_and_a_rug() -> None:
    band, line, rug = spectrum.figure(spectrum.view(RESULT)).data
    assert len(band.x) == 8
    assert band.fill == "toself"
    assert list(line.x) == RESULT["grid"]
    assert list(rug.x) == [0.0, 1.5, 0.1, 1.4]
    assert rug.yaxis == "y2"


def test_an_exact_density_has_no_band_and_its_ticks_are_eigenvalues() -> None:
    shown = spectrum.view({**RESULT, "method": "gram", "probes": RESULT["probes"][:1]})
    assert shown.exact
    line, rug = spectrum.figure(shown).data
    assert list(line.x) == RESULT["grid"]
    assert rug.name == "eigenvalues"
    assert not spectrum.view({**RESULT, "method": "lanczos"}).exact


def test_axes_say_what_is_drawn_and_end_at_the_floor() -> None:
    layout = spectrum.figure(spectrum.view(RESULT)).layout
    assert layout.yaxis.type == "log"
    assert layout.yaxis.title.text == "density, per unit of λ (log)"
    assert layout.xaxis.title.text == "eigenvalue λ of the Hessian (loss per weight²)"
    assert 10 ** layout.yaxis.range[0] == pytest.approx(FLOOR)
    assert 10 ** layout.yaxis.range[1] > 0.7
