"""The frontier's picture: every kind of plan is there, and a click names the plan it hit."""

import numpy as np
import pytest

from explorer import studies
from explorer.figures.plans import frontier, frontier_view
from explorer.figures.plans.frontier_view import FrontierView, Marked, Measured
from explorer.plans import FrontierQuestion, enumerate_set_b, greedy, solve, study_problem
from explorer.plans.scene import Scene, compose

COST, OMEGA = np.array([10.0, 20.0, 40.0]), np.array([3.0, 1.0, 0.1])


def view(**changes: object) -> FrontierView:
    parts: dict[str, object] = {
        "cost": COST,
        "omega": OMEGA,
        "lower": OMEGA - np.array([0.3, 0.1, 0.5]),
        "upper": OMEGA + np.array([0.3, 0.1, 0.5]),
        "total": 3,
        "changes": ["a: 4 → 2 bits<br>−10 kB", "a: 8 → 4 bits<br>−20 kB", "the dearest plan"],
        "widths": ["22", "42", "82"],
        "label": "packed weights",
        "unit": "kB",
        "set_b_cost": np.array([15.0, 30.0]),
        "set_b_omega": np.array([4.0, 2.0]),
        "set_b_total": 23_426,
        "uniform": [Marked("4 bits", 20.0, 1.5)],
        "published": [Marked("Table VI", 25.0, 1.2)],
        "saved": [Marked("small", 12.0, 3.0)],
    }
    return FrontierView(**(parts | changes))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def scene() -> Scene:
    """With blocks that are kept, tied and bounded."""
    study = studies.load("hawq-v3-resnet18")
    blocks = study.blocks()
    question = FrontierQuestion(
        bits=(2, 4, 8), cost="bops", keep={blocks[0].name: 8}, minimum={blocks[5].name: 4}
    )
    problem = study_problem(study, question=question)
    theirs = study_problem(study, question=question.but(monotone=True))
    return compose(
        study, blocks, question, solve(problem), set_b=enumerate_set_b(theirs), greedy=greedy(problem)
    )


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


def test_every_trace_of_plans_says_what_it_is() -> None:
    """A click is this and the number of the point."""
    drawn = {trace.name: trace.meta for trace in frontier.figure(view()).data}
    assert drawn == {
        "set B, 23,426 plans": "set B",
        "± 1 s.e. of Ω": None,
        "exact frontier, 3 plans": "frontier",
        "uniform plans": "uniform",
        "published plans": "published",
        "saved plans": "saved",
    }


def test_points_carry_what_they_change_and_their_widths() -> None:
    line = by_name(frontier.figure(view()))["exact frontier, 3 plans"]
    assert [list(data) for data in line.customdata] == [  # type: ignore[attr-defined]
        ["a: 4 → 2 bits<br>−10 kB", "22", ""],
        ["a: 8 → 4 bits<br>−20 kB", "42", ""],
        ["the dearest plan", "82", ""],
    ]


def test_every_dot_says_its_widths(scene: Scene) -> None:
    """The card on hover shows them, of every kind of plan; those of set B are told by counts, which are small."""
    shown = frontier_view.view(scene)
    levels = frontier_view.levels(scene)
    assert levels is not None
    assert scene.set_b is not None
    names = scene.set_b.blocks
    for dot in range(len(scene.dots)):
        letters = list(levels.base)
        widths = "".join(
            letter * int(many) for letter, many in zip(levels.menu, shown.set_b_levels[dot], strict=True)
        )
        for place, letter in zip(levels.order, widths, strict=True):
            letters[place] = letter
        bits = scene.set_b.bits_of(int(scene.dots[dot]))
        assert letters == [str(bits[name]) for name in names]
    for marked, plan in zip(shown.uniform, scene.named["uniform"], strict=True):
        assert marked.widths == "".join(map(str, plan.w_bits.values()))
        assert marked.inputs == "".join(map(str, plan.a_bits.values()))
    drawn = frontier.figure(shown).data
    assert all(trace.customdata is not None for trace in drawn if trace.meta)


def test_hover_gives_amounts_without_a_prefix_of_their_own() -> None:
    """BOPs came out as "360m GBOPs"."""
    templates = [trace.hovertemplate for trace in frontier.figure(view()).data if trace.hovertemplate]
    assert templates
    assert not any("s}" in template or "click" in template for template in templates)


def test_named_plans_lie_above_the_clouds() -> None:
    """What is drawn as SVG lies below all that is drawn in WebGL, whatever the order."""
    kinds = [trace.type for trace in frontier.figure(view()).data if trace.meta]
    assert set(kinds) == {"scattergl"}


def test_a_frontier_too_long_to_draw_says_how_much_is_drawn_and_whether_it_is_exact() -> None:
    names = by_name(frontier.figure(view(total=90_000, exact=False)))
    assert "frontier, 90,000 plans, 3 drawn" in names


def test_changes_name_the_blocks_and_no_more_than_a_few() -> None:
    before = dict.fromkeys("abcdef", 8)
    assert frontier_view.changes_text(before, before | {"b": 4}, "−4.6 kB") == "b: 8 → 4 bits<br>−4.6 kB"
    assert frontier_view.changes_text(before, dict.fromkeys("abcdef", 4), "−1 kB", most=2) == (
        "a: 8 → 4 bits<br>b: 8 → 4 bits<br>and 4 more blocks<br>−1 kB"
    )


def test_dots_stand_where_the_view_says() -> None:
    drawn = by_name(frontier.figure(view()))
    line, dots, mark = (drawn[n] for n in ("exact frontier, 3 plans", "set B, 23,426 plans", "uniform plans"))
    np.testing.assert_array_equal(line.x, COST.astype(np.float32))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(line.y, OMEGA.astype(np.float32))  # type: ignore[attr-defined]
    np.testing.assert_array_equal(dots.x, [15, 30])  # type: ignore[attr-defined]
    assert (list(mark.x), list(mark.y)) == ([20.0], [1.5])  # type: ignore[attr-defined]


def test_one_plan_stands_at_one_place_in_all_traces() -> None:
    """The axis spanned the rounding of 32-bit numbers, and the same plan stood at its top and at its bottom."""
    alone = view(
        cost=np.array([5.578752]),
        omega=np.array([1.3077131285]),
        lower=np.empty(0),
        upper=np.empty(0),
        changes=["largest plan"],
        widths=["44"],
        total=1,
        set_b_cost=np.array([5.578752]),
        set_b_omega=np.array([1.3077131285]),
        set_b_total=1,
        uniform=[Marked("4 bits", 5.578752, 1.3077131285)],
        published=(),
        saved=(),
    )
    drawn = frontier.figure(alone).data
    assert len({(float(trace.x[0]), float(trace.y[0])) for trace in drawn}) == 1
    assert [trace.name for trace in drawn] == ["set B, 1 plan", "exact frontier, 1 plan", "uniform plans"]


def test_the_band_is_one_standard_error_and_stays_above_nothing() -> None:
    band = by_name(frontier.figure(view()))["± 1 s.e. of Ω"]
    upper, lower = np.array(band.y)[:3], np.array(band.y)[3:][::-1]  # type: ignore[attr-defined]
    np.testing.assert_allclose(upper, [3.3, 1.1, 0.6])
    np.testing.assert_allclose(lower, [2.7, 0.9, 0.001], err_msg="0.1 - 0.5 has no logarithm")


def test_what_there_is_none_of_has_no_entry_in_the_legend() -> None:
    bare = view(
        lower=np.empty(0),
        upper=np.empty(0),
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


def test_measured_accuracies_have_an_axis_of_their_own_and_their_errors() -> None:
    """The axes of cost and Ω are those of the picture without them, so that everything else stays in its place."""
    dots = [Measured(10.0, 0.5, 0.01, "22"), Measured(40.0, 0.9, 0.005, "82")]
    without, made = frontier.figure(view()), frontier.figure(view(measured=dots, full=0.92))
    [drawn] = [trace for trace in made.data if trace.meta == "measured"]
    assert (list(drawn.x), list(drawn.y), list(drawn.error_y.array)) == ([10, 40], [50, 90], [1, 0.5])
    assert drawn.yaxis == "y2"
    assert made.layout.yaxis2.overlaying == "y"
    assert (made.layout.xaxis, made.layout.yaxis) == (without.layout.xaxis, without.layout.yaxis)
    assert len(made.data) == len(without.data) + 1
    [full] = made.layout.shapes
    assert (full.y0, full.y1, full.yref) == (92, 92, "y2")
    assert drawn.customdata[0] == ["50.00 ± 1.00 %", "22", ""]
    assert "yaxis2" not in without.layout


def test_names_of_marks_stand_where_nothing_is_drawn() -> None:
    """Right of a mark where there is room; else left of it, under it where no plan is lower."""
    names = [Marked("4 bits", 20, 0.2), Marked("8 bits", 40, 0.1), Marked("a name of many letters", 32, 0.2)]
    [marks] = [each for each in frontier.figure(view(uniform=names)).data if each.meta == "uniform"]
    assert list(marks.textposition) == ["top right", "bottom left", "top left"]
