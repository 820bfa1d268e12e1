"""Lesson 4: the rules against closed forms, the spike of zeros, and both long experiments at their smallest."""

import numpy as np
import pytest

from explorer.export.onnx_files import running
from explorer.lessons import calibration
from explorer.lessons.common import material
from explorer.watching import UNWATCHED


def test_the_rules_on_evenly_spread_values() -> None:
    """Nothing is gained by clipping a uniform spread: MSE keeps the range; a percentile gives the share away."""
    x = np.linspace(0, 2, 20_001)
    assert calibration.clip_of("min-max", x, 4) == pytest.approx(2)
    assert calibration.clip_of("mse", x, 4) == pytest.approx(2, rel=0.05)
    assert calibration.clip_of("percentile", x, 4, percent=95) == pytest.approx(1.9, rel=1e-3)
    assert calibration.error(x, 2.0, 4) == pytest.approx((2 / 15) ** 2 / 12, rel=0.02)


def test_exact_zeros_drive_kl_to_a_small_clip() -> None:
    x = np.append(np.zeros(10_000), np.abs(np.random.default_rng(0).normal(size=10_000)))
    left_out, counted = (calibration.clip_of("kl", x, 4, with_zeros=zeros) for zeros in (False, True))
    assert counted < 0.6 * left_out
    assert calibration.error(x, counted, 4) > calibration.error(x, left_out, 4)


def test_bytes_of_the_first_layer() -> None:
    """45 weights and 28 × 28 inputs, four bytes each; four passes read and write the input."""
    first = calibration.traffic(8, 1)[0]
    assert (first.float32, first.fake) == (4 * (45 + 784), 4 * (45 + 784) + 8 * 4 * 784)
    assert first.integer == 45 + 784


def test_accuracy_of_every_rule() -> None:
    found = calibration.accuracy(material.study(), UNWATCHED, images=100, calibration=1, widths="8,4")
    rows = found["rows"]
    assert [row[0] for row in rows[1:6]] == [*calibration.RULES, "kl, with zeros"]
    full, eight = rows[0][2], rows[1][2]
    assert abs(eight - full) <= 0.05, "8 bits by min-max change little"
    assert rows[10][2] < full, "KL with the zeros counted does, at 4 bits"


def test_the_exercise_measures_accuracy_size_and_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where ONNX Runtime is missing: files for it, and their times, are those of tests/export."""
    monkeypatch.setattr(running, "installed", lambda: None)
    found = calibration.exercise(material.study(), UNWATCHED, images=100, epochs=0)
    full, eight, four = found["rows"]
    assert full[3] == 4 * eight[3] == pytest.approx(8 * four[3], abs=8)
    named = [each["what"] for each in found["times"]]
    assert len(named) == 2
    assert all(each["milliseconds"] > 0 for each in found["times"])
