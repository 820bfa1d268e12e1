"""The tables of trainings: means and deviations over seeds, paired differences, and what was not run is said."""

import math

import numpy as np
import pytest

from benchmarks.trainings.comparing import Trained, difference, table
from benchmarks.trainings.experiments import Group, Row, queue


def trained(right: list[float], loss: float) -> Trained:
    return Trained(10, 0.5, float(np.mean(right)), loss, np.array(right), np.zeros(len(right)), "last", {})


def test_a_table_tells_differences_from_noise_and_names_what_was_not_run() -> None:
    """The reference is right on images 0 to 59 of 100, in both seeds."""
    plain = [1.0] * 60 + [0.0] * 40
    much, one = [1.0] * 80 + [0.0] * 20, [0.0] + [1.0] * 61 + [0.0] * 38  # +20 points; +2 and −1 make +1
    rows = tuple(Row(label, "W2A4", {}) for label in ("base", "much", "little", "never"))
    group = Group("g", "title", "study", "base", rows, seeds=(0, 1))
    found = {
        ("base", 0): trained(plain, 1.0),
        ("base", 1): trained(plain, 2.0),
        ("much", 0): trained(much, 0.5),
        ("much", 1): trained(much, 0.5),
        ("little", 0): trained(one, 1.0),
    }
    made = table(group, found)
    by_label = {row["label"]: row for row in made.rows}
    assert list(by_label) == ["base", "much", "little"]
    assert by_label["base"]["after"] == "60.00 ± 0.00"
    assert by_label["base"]["loss"] == f"1.5000 ± {math.sqrt(0.5):.4f}"
    assert "difference" not in by_label["base"]
    of_images = 100 * np.std([0.0] * 80 + [1.0] * 20, ddof=1) / 10  # the seeds agree
    assert by_label["much"]["difference"] == f"+20.00 ± {of_images:.2f}"
    assert by_label["much"]["verdict"] == "better"
    assert by_label["little"]["verdict"] == "equal within noise"
    assert made.notes == ("Not run: little (seed 1), never (seed 0), never (seed 1).",)


def test_a_difference_adds_what_seeds_and_what_images_leave() -> None:
    zeros = np.zeros(4)
    found = difference([np.array([1.0, 0, 0, 0]), np.array([1.0, 1, 1, 0])], [zeros, zeros])
    of_images = np.std([1, 0.5, 0.5, 0], ddof=1) / 2
    of_seeds = np.std([0.25, 0.75], ddof=1) / math.sqrt(2)
    assert found == pytest.approx((0.5, math.hypot(of_images, of_seeds)))


def test_every_training_is_asked_once() -> None:
    keys = [each.key for each in queue()]
    assert len(keys) == len(set(keys))
    assert {each.row.plan for each in queue()} >= {"uniform ÷16", "set-b ÷16", "W1A4"}
