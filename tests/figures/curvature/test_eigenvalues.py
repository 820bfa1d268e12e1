"""Eigenvalues as dots with what they are on other images, and two orders side by side."""

from typing import Any

import pytest

from explorer.curvature.spectra.rankings import Comparison, Score
from explorer.estimates import Correlation
from explorer.figures import look
from explorer.figures.curvature import eigenvalues
from explorer.figures.curvature.eigenvalues import Top


def record(name: str | None, value: float, stderr: float | None = 0.5, **more: Any) -> dict[str, Any]:
    common = {
        "n": 10,
        "residuals": [1e-3, 1e-3],
        "held_out": [0.8 * value, None],
        "held_out_stderrs": [0.2, None],
    }
    rest = {"values": [value, value / 2], "stderrs": [stderr, stderr], "converged": [True, True]}
    return {"block": name, **common, **rest, **more}


RECORDS = [record("a", 2.0), record("b", -1.0), record(None, 9.0), record("c", 4.0, converged=[True, False])]


def compared(first: list[float], second: list[float]) -> Comparison:
    names = "abcdef"[: len(first)]
    one, other = (tuple(Score(n, v, 0.1) for n, v in zip(names, x, strict=True)) for x in (first, second))
    own, others = (tuple(sorted(x, reverse=True).index(v) + 1 for v in x) for x in (first, second))
    return Comparison(one, other, own, others, Correlation(0.5, 0.1, 0.75), Correlation(float("nan"), 0, 0))


def test_the_whole_network_comes_last_in_either_order() -> None:
    assert [top.name for top in eigenvalues.view(RECORDS)] == ["a", "b", "c", "whole network"]
    assert [top.name for top in eigenvalues.view(RECORDS, "rank")] == ["c", "a", "b", "whole network"]
    first = eigenvalues.view(RECORDS)[0]
    assert first == Top("a", 10, (2.0, 1.0), 0.5, 1e-3, 1.6, 0.2, True)
    assert not eigenvalues.view(RECORDS)[2].converged


def test_on_the_log_axis_a_negative_eigenvalue_is_hollow_at_its_size() -> None:
    positive, negative, other = eigenvalues.figure(eigenvalues.view(RECORDS)).data
    assert list(positive.y) == [2.0, 4.0, 9.0]
    assert list(negative.y) == [1.0]
    assert negative.marker.symbol == "circle-open"
    assert "λ = -1" in negative.hovertext[0], "the number keeps its sign"
    assert other.name == "the same direction on other samples"
    assert positive.marker.color == look.WEIGHTS
    linear = eigenvalues.figure(eigenvalues.view(RECORDS), log=False)
    assert list(linear.data[1].y) == [-1.0]
    assert linear.layout.yaxis.type == "linear"


def test_error_bars_stay_on_the_log_axis_and_do_not_overlap_those_of_other_rows() -> None:
    made = eigenvalues.figure(eigenvalues.view([record("a", 2.0, 5.0)]))
    assert list(made.data[0].error_y.arrayminus) == [pytest.approx(1.98)]
    assert made.data[0].x[0] < 0 < made.data[1].x[0]
    assert list(made.layout.xaxis.ticktext) == ["a"]


def test_all_rows_leave_none_to_try_and_a_click_names_its_block() -> None:
    records = [record("a", 2.0, held_out=[None], held_out_stderrs=[None])]
    made = eigenvalues.figure(eigenvalues.view(records))
    assert len(made.data) == 1
    assert made.data[0].customdata[0][0] == "a"
    assert "other rows" not in made.data[0].hovertext[0]


def test_hover_tells_the_next_eigenvalue_and_what_has_not_settled() -> None:
    text = eigenvalues.figure(eigenvalues.view(RECORDS)).data[0].hovertext[1]
    assert "next 2" in text
    assert "λ/n = 0.4" in text
    assert "not converged" in text


def test_lines_that_change_rank_by_much_stand_out() -> None:
    made = eigenvalues.bump(compared([6, 5, 4, 3, 2, 1], [1, 5, 4, 3, 2, 6]), "trace", "eigenvalue")
    loud = [trace for trace in made.data if trace.line.color == look.ACCENT]
    assert [list(trace.y) for trace in loud] == [[1, 6], [6, 1]]
    assert sum(bool(trace.showlegend) for trace in made.data) == 2
    assert list(made.layout.xaxis.ticktext) == ["trace", "eigenvalue"]
    assert made.layout.yaxis.range[0] > made.layout.yaxis.range[1], "rank 1 is at the top"
    names = [(note.x, note.y, note.text) for note in made.layout.annotations]
    assert (0, 1, "a") in names
    assert (1, 6, "a") in names


def test_agreement_has_its_interval_and_none_where_there_is_none() -> None:
    words = eigenvalues.agreement(compared([2, 1], [2, 1]))
    assert words == "Spearman's ρ = 0.50 (95 %: 0.10 to 0.75) and Kendall's τ = –"
