"""What is measured is where it is drawn: kinds, falls, errors, predictions and correlations in words."""

from math import nan
from typing import Any

import pytest

from explorer.figures import look
from explorer.figures.plans import proxy


def correlation(value: float) -> dict[str, float]:
    return {"value": value, "low": value - 0.1, "high": value + 0.05}


def plan(roles: list[tuple[str, int | None]], rise: float, accuracy: float | None = 0.9) -> dict[str, Any]:
    return {
        "bits": [2, 8],
        "roles": roles,
        "size_bytes": 1200.0,
        "loss": 0.3 + rise,
        "rise": rise,
        "rise_stderr": 0.01,
        "accuracy": accuracy,
    }


def result(**changes: Any) -> dict[str, Any]:
    found = {
        "spearman": correlation(0.9),
        "kendall": correlation(0.7),
        "equal_size": correlation(0.5),
        "pairs": 42,
    }
    measures = ("trace", "lambda-max", "l2", "product")
    content = {
        "plans": [
            plan([("uniform", None), ("least l2", 0)], 0.1),
            plan([("most trace", 0)], 2.0),
            plan([("random", 0)], -0.004),
            plan([("uniform", None)], 0.02, None),
        ],
        "accuracy": 0.95,
        "omega": {m: [0.2, 3.0, 0.05, 0.04] for m in measures} | {"product": [0.2, 3.0, -0.05, 0.04]},
        "omega_stderr": {m: [0.02, 0.3, 0.005, 0.5] for m in measures},
        "agreement": dict.fromkeys((*measures, "size"), found),
    }
    return content | changes


def test_each_measure_has_its_panel_with_its_correlations() -> None:
    panels = proxy.view(result())
    assert [panel.measure for panel in panels] == ["trace", "lambda-max", "l2", "product"]
    assert "ρ 0.90 (0.80 to 0.95) · τ 0.70" in panels[0].title
    assert "τ at equal size 0.50 (0.40 to 0.55), 42 pairs" in panels[0].title
    nothing = {key: {"value": nan, "low": nan, "high": nan} for key in ("spearman", "kendall", "equal_size")}
    unknown = proxy.view(result(agreement=dict.fromkeys(result()["agreement"], nothing | {"pairs": 0})))
    assert "ρ – · τ –" in unknown[0].title


def test_a_plan_with_several_roles_is_drawn_as_the_first_of_the_legend() -> None:
    kinds = [dot.kind for dot in proxy.view(result())[0].dots]
    assert kinds == [
        "least Ω by one of the measures",
        "large Ω at the same size",
        "random",
        "all blocks alike",
    ]


def test_a_plan_whose_omega_cannot_stand_on_a_log_axis_is_counted() -> None:
    panels = proxy.view(result())
    assert [panel.left_out for panel in panels] == [0, 0, 0, 1]
    made = proxy.figure(panels)
    assert "1 plans with Ω ≤ 0 left out" in made.layout.xaxis4.title.text
    assert made.layout.xaxis.title.text == "predicted damage Ω"


def test_a_fall_is_hollow_at_its_size_and_error_bars_stay_on_the_axis() -> None:
    made = proxy.figure(proxy.view(result()))
    (fall,) = (t for t in made.data if t.name == "random" and t.xaxis == "x")
    assert list(fall.y) == [0.004]
    assert fall.marker.symbol == "square-open"
    assert "-0.0040" in fall.hovertext[0], "the number keeps its sign"
    assert list(fall.error_y.arrayminus) == [pytest.approx(0.9 * 0.004)]
    (uniform,) = (t for t in made.data if t.name == "all blocks alike" and t.xaxis == "x")
    assert list(uniform.error_x.arrayminus) == [pytest.approx(0.9 * 0.04)]
    assert list(uniform.error_x.array) == [0.5]
    assert "accuracy" not in uniform.hovertext[0]


def test_half_omega_is_drawn_where_omega_is_in_units_of_the_loss() -> None:
    made = proxy.figure(proxy.view(result()))
    lines = [trace for trace in made.data if trace.mode == "lines"]
    assert [line.xaxis for line in lines] == ["x", "x4"]
    for line in lines:
        assert [y / x for x, y in zip(line.x, line.y, strict=True)] == pytest.approx([0.5, 0.5])
    assert [line.showlegend for line in lines] == [True, False]


def test_panels_share_the_axis_of_the_rise_and_the_legend_names_each_kind_once() -> None:
    made = proxy.figure(proxy.view(result()))
    assert {made.layout[f"yaxis{i}"].matches for i in (2, 3, 4)} == {"y"}
    named = [trace.name for trace in made.data if trace.showlegend is not False]
    assert len(named) == len(set(named)) == 6
    assert named[-1] == "hollow: the loss fell"
    assert made.layout.template == look.blank(100).layout.template
    for i, j in (("", 2), (3, 4)):
        left, right = made.layout[f"xaxis{i}"].domain, made.layout[f"xaxis{j}"].domain
        assert left[1] < right[0]
    assert made.layout.yaxis3.domain[1] < made.layout.yaxis.domain[0]
