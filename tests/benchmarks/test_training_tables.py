"""The tables of trainings: means and deviations over seeds, paired differences, and what was not run is said."""

import math

import numpy as np

from benchmarks.trainings.comparing import Trained, table
from benchmarks.trainings.experiments import Group, Row, queue


def trained(right: list[float], loss: float) -> Trained:
    return Trained(10, 0.5, float(np.mean(right)), loss, np.array(right), np.zeros(len(right)), "last", {})


def test_a_table_tells_differences_from_noise_and_names_what_was_not_run() -> None:
    """The reference is right on images 0 to 59 of 100, in both seeds; the others win 20, 10 and 2 − 1 of them."""
    plain = [1.0] * 60 + [0.0] * 40
    much, less = [1.0] * 80 + [0.0] * 20, [1.0] * 70 + [0.0] * 30
    one = [0.0] + [1.0] * 61 + [0.0] * 38
    rows = tuple(Row(label, "W2A4", {}) for label in ("base", "much", "little", "never"))
    group = Group("g", "title", "study", "base", rows, seeds=(0, 1))
    found = {
        ("base", 0): trained(plain, 1.0),
        ("base", 1): trained(plain, 2.0),
        ("much", 0): trained(much, 0.5),
        ("much", 1): trained(less, 0.5),
        ("little", 0): trained(one, 1.0),
    }
    made = table(group, found)
    by_label = {row["label"]: row for row in made.rows}
    assert list(by_label) == ["base", "much", "little"]
    assert by_label["base"]["after"] == "60.00 ± 0.00"
    assert by_label["base"]["loss"] == f"1.5000 ± {math.sqrt(0.5):.4f}"
    assert "difference" not in by_label["base"]
    assert (
        by_label["much"]["difference"] == "+15.00 ± 5.95"
    )  # √(3.22² + (10 / 2)²): over images, over two seeds
    assert by_label["much"]["verdict"] == "better"
    assert by_label["little"]["verdict"] == "equal within noise"
    assert made.notes == ("Not run: little (seed 1); never (seeds 0, 1).",)


def test_every_training_is_asked_once() -> None:
    keys = [each.key for each in queue()]
    assert len(keys) == len(set(keys))
    assert {each.row.plan for each in queue()} >= {"uniform ÷16", "set-b ÷16", "W1A4"}
