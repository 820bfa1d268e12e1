"""Latencies are told as ratios of one round, so that a slow moment of the computer falls on both."""

import pytest

from explorer.export.latency import latency


def test_a_ratio_is_made_within_a_round() -> None:
    """The second round was ten times slower for everything."""
    found = latency("exported", 1, [0.001, 0.010, 0.002], [0.002, 0.015, 0.002])
    assert (found.lowest, found.ratio, found.highest) == pytest.approx((1.0, 1.5, 2.0))
    assert found.milliseconds == pytest.approx(2)
