"""What was predicted stands against what was measured, both with their errors."""

from explorer.figures.training import predicted
from explorer.figures.training.predicted import Measured

PLANS = (Measured("a", 0.01, 0.001, 0.02, 0.004, 0.0, 0.003), Measured("b", 1.0, 0.1, 0.5, 0.02, 0.1, 0.01))


def test_both_rises_are_drawn_over_omega_with_errors_on_both_axes() -> None:
    before, after = predicted.figure(PLANS).data
    assert list(before.x) == list(after.x) == [0.01, 1.0]
    assert (list(before.y), list(after.y)) == ([0.02, 0.5], [0.0, 0.1])
    assert list(before.error_x.array) == [0.001, 0.1]
    assert (list(before.error_y.array), list(after.error_y.array)) == ([0.004, 0.02], [0.003, 0.01])


def test_the_axis_is_logarithmic_only_where_the_plans_lie_far_apart() -> None:
    assert predicted.figure(PLANS).layout.xaxis.type == "log"
    assert predicted.figure(PLANS[:1]).layout.xaxis.type == "linear"
