"""Trainings in one chart are told apart without colour."""

from collections.abc import Mapping
from typing import Any

from explorer.figures.training import overlay
from explorer.figures.training.overlay import Course


def test_each_training_is_a_line_in_both_panels_with_a_symbol_of_its_own() -> None:
    points: list[Mapping[str, Any]] = [
        {"epoch": 0, "loss": 2.0, "accuracy": 0.5},
        {"epoch": 1, "loss": 1.0, "accuracy": None},
    ]
    lines = overlay.figure([Course("a", points), Course("b", points[:1])]).data
    assert [line.name for line in lines] == ["a", "a", "b", "b"]
    assert [list(line.y) for line in lines] == [[2.0, 1.0], [50], [2.0], [50]]
    assert lines[0].marker.symbol != lines[2].marker.symbol
    assert lines[0].line.dash != lines[2].line.dash
    assert [line.showlegend for line in lines] == [True, False, True, False]
