"""How few images carry a trace: the curve, its band, and the line of equality."""

import pytest

from explorer.curvature.carriers import Carried
from explorer.figures import look
from explorer.figures.curvature import carriers

CURVE = (Carried(1, 0.01, 0.3, 0.05), Carried(10, 0.1, 0.7, 0.04), Carried(100, 1.0, 1.0, 0.0))


def test_the_band_is_one_standard_error() -> None:
    band, equal, curve, marks = carriers.figure(CURVE, marks=CURVE[:2]).data
    assert list(band.y) == pytest.approx([35, 74, 100, 100, 66, 25])
    assert list(curve.x) == pytest.approx([1, 10, 100])
    assert list(curve.y) == pytest.approx([30, 70, 100])
    assert list(equal.x) == list(equal.y), "every image carrying the same"
    assert (equal.x[0], equal.x[-1]) == (1, pytest.approx(100))
    assert list(marks.error_y.array) == pytest.approx([5, 4])


def test_exact_shares_have_no_band() -> None:
    exact = [Carried(each.samples, each.of_samples, each.of_trace, 0.0) for each in CURVE]
    assert "s.e." not in " ".join(trace.name for trace in carriers.figure(exact).data)


def test_axes_say_what_they_are_of() -> None:
    made = carriers.figure(CURVE, of="activations", log=False)
    assert made.layout.xaxis.title.text == "share of the samples (%)"
    assert made.layout.yaxis.title.text == "share of the trace (%)"
    assert (made.layout.xaxis.type, carriers.figure(CURVE).layout.xaxis.type) == ("linear", "log")
    assert list(made.data[1].x) == [0, 100]
    assert made.data[2].line.color == look.ACTIVATIONS
