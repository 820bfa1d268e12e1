"""The frontier's picture: every kind of plan is there, and a click names the plan it hit."""

import numpy as np
import pytest

from explorer.figures import frontier
from explorer.figures.frontier import FrontierView, Marked

COST, OMEGA = np.array([10.0, 20.0, 40.0]), np.array([3.0, 1.0, 0.1])


def view(**changes: object) -> FrontierView:
    parts: dict[str, object] = {
        "cost": COST,
        "omega": OMEGA,
        "omega_stderr": np.array([0.3, 0.1, 0.5]),
        "label": "packed weights",
        "unit": "kB",
        "set_b_cost": np.array([15.0, 30.0]),
        "set_b_omega": np.array([4.0, 2.0]),
        "set_b_total": 23_426,
        "uniform": [Marked("4 bits", ("uniform", 4), 20.0, 1.5)],
        "published": [Marked("Table VI", ("published", "Table VI"), 25.0, 1.2)],
        "saved": [Marked("small", ("saved", "small"), 12.0, 3.0)],
    }
    return FrontierView(**(parts | changes))  # type: ignore[arg-type]


def by_name(made: object) -> dict[str, object]:
    return {trace.name: trace for trace in made.data}  # type: ignore[attr-defined]


def test_every_kind_of_plan_is_drawn_and_named() -> None:
    assert list(by_name(frontier.figure(view()))) == [
        "set B, 23,426 plans",
        "± 1 s.e. of Ω",
        "exact frontier, 3 plans",
        "uniform plans",
        "published plans",
        "saved plans",
    ]


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("set B, 23,426 plans", [["set B", 0], ["set B", 1]]),
        ("exact frontier, 3 plans", [["frontier", 0], ["frontier", 1], ["frontier", 2]]),
        ("uniform plans", [["uniform", 4]]),
        ("published plans", [["published", "Table VI"]]),
        ("saved plans", [["saved", "small"]]),
    ],
)
def test_a_click_returns_the_key_of_its_plan(name: str, keys: list[list[object]]) -> None:
    trace = by_name(frontier.figure(view()))[name]
    assert [list(data) for data in trace.customdata] == keys  # type: ignore[attr-defined]


def test_dots_stand_where_the_view_says() -> None:
    drawn = by_name(frontier.figure(view()))
    line, dots, mark = (drawn[n] for n in ("exact frontier, 3 plans", "set B, 23,426 plans", "uniform plans"))
    np.testing.assert_array_equal(line.x, COST.astype(np.float32))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(line.y, OMEGA.astype(np.float32))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(dots.x, [15, 30])  # type: ignore[attr-defined]
    assert (list(mark.x), list(mark.y)) == ([20.0], [1.5])  # type: ignore[attr-defined]


def test_the_band_is_one_standard_error_and_stays_above_nothing() -> None:
    band = by_name(frontier.figure(view()))["± 1 s.e. of Ω"]
    upper, lower = np.array(band.y)[:3], np.array(band.y)[3:][::-1]  # type: ignore[attr-defined]
    np.testing.assert_allclose(upper, [3.3, 1.1, 0.6])
    np.testing.assert_allclose(lower, [2.7, 0.9, 0.001], err_msg="0.1 - 0.5 has no logarithm")


def test_what_there_is_none_of_has_no_entry_in_the_legend() -> None:
    bare = view(
        omega_stderr=np.zeros(3),
        set_b_cost=np.empty(0),
        set_b_omega=np.empty(0),
        uniform=(),
        published=(),
        saved=(),
    )
    assert list(by_name(frontier.figure(bare))) == ["exact frontier, 3 plans"]


def test_axes_name_quantity_and_unit() -> None:
    made = frontier.figure(view())
    assert made.layout.xaxis.title.text == "packed weights (kB)"
    assert "Ω" in made.layout.yaxis.title.text
    assert made.layout.yaxis.type == "log"
    assert frontier.figure(view(), log=False).layout.yaxis.type == "linear"


def test_a_figure_depends_on_its_view_alone() -> None:
    """Streamlit drops zoom and selection whenever the figure it is given differs."""
    assert frontier.figure(view()).to_json() == frontier.figure(view()).to_json()
