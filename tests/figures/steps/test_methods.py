"""Methods side by side, and the strip of tensors: what is drawn of plain results."""

from typing import Any

import pytest

from explorer.figures.steps import methods as step_methods
from explorer.figures.steps import sites as step_sites


def row(method: str, accuracy: float | None, correction: str = "none") -> dict[str, Any]:
    return {
        "method": method,
        "bias_correction": correction,
        "test_loss": 0.5,
        "test_loss_stderr": 0.01,
        "test_accuracy": accuracy,
        "test_accuracy_stderr": None if accuracy is None else 0.004,
    }


def test_methods_keep_their_order_and_their_errors() -> None:
    rows = [row("fp32", 0.94), row("min-max", 0.92), row("joint", 0.935), row("joint", 0.93, "mean")]
    view = step_methods.view(rows)
    assert view.reference == 0.94
    assert [dot.method for dot in view.dots["none"]] == ["min-max", "LAPQ 3, joint"]
    assert view.dots["mean"][0] == step_methods.Dot("LAPQ 3, joint", 0.93, 0.004)
    assert view.floor is None
    made = step_methods.figure(view)
    assert list(made.data[0].error_x.array) == [0.004, 0.004]
    assert made.layout.yaxis.ticktext == ("min-max", "LAPQ 3, joint")
    assert made.layout.yaxis.range[0] > made.layout.yaxis.range[1], "the first is on top"


def test_equal_values_of_two_corrections_do_not_hide_each_other() -> None:
    made = step_methods.figure(step_methods.view([row("mmse", 0.9), row("mmse", 0.9, "mean")]))
    without, corrected = made.data
    assert without.x == corrected.x
    assert without.y[0] < 0 < corrected.y[0]
    assert abs(without.y[0]) < 0.5, "nearer to its own line than to the next"


def test_one_method_that_fails_does_not_press_the_others_together() -> None:
    rows = [row("fp32", 0.94), row("min-max", 0.92), row("mmse", 0.92), row("kl", 0.1)]
    view = step_methods.view(rows)
    assert view.floor == pytest.approx(0.94 - 0.06)
    made = step_methods.figure(view)
    assert min(made.data[0].x) == view.floor
    assert made.data[0].customdata[2][0] == 0.1, "the card says the truth"
    assert made.data[0].marker.symbol == ("circle", "circle", "triangle-left")


def test_without_classes_losses_are_drawn() -> None:
    view = step_methods.view([row("fp32", None), row("mmse", None)], unit="mse")
    assert view.dots["none"][0].value == 0.5
    assert view.title == "loss of the test images (mse)"
    assert not view.per_cent


def test_the_strip_says_where_every_tensor_clips() -> None:
    view = step_sites.view(
        ["a.input", "a.weight"],
        ["input", "weight"],
        [2.0, 0.5],
        {"joint": {"a.weight": 0.1, "a.input": 1.0}},
    )
    assert view.shares == {"joint": (0.5, 0.2)}
    [dots] = step_sites.figure(view).data
    assert [name for (name,) in dots.customdata] == ["a.input", "a.weight"]
