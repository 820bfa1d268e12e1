"""How an estimate settled: the recorded moments of one block, with the errors known then."""

import math
from typing import Any

import pytest

from explorer.figures.curvature import convergence
from explorer.figures.curvature.convergence import Step


def result(*, probes: int = 1) -> dict[str, Any]:
    """Two blocks; a probe serves ``probes`` samples."""
    moments = [
        (64, [10.0, 1.0], [math.inf, math.inf]),
        (128, [12.0, 2.0], [4.0, 0.5]),
        (256, [11.0, 3.0], [2.0, 0.2]),
    ]
    return {
        "blocks": [
            {"name": "a", "n": 10, "trace": 11.0, "mean_trace": 1.1, "stderr": 2.0, "samples": 256},
            {"name": "b", "n": 2, "trace": 3.0, "mean_trace": 1.5, "stderr": 0.2, "samples": 256},
        ],
        "history": [
            {"samples": n, "probes": n // probes, "seconds": 1.0, "traces": traces, "stderrs": errors}
            for n, traces, errors in moments
        ],
    }  # fmt: skip


def test_a_view_holds_the_means_of_the_block_asked_for() -> None:
    seen = convergence.view(result(), "b")
    assert seen is not None
    assert seen.steps == (Step(128, 128, 1.0, 0.25), Step(256, 256, 1.5, 0.1))
    assert (seen.value, seen.stderr) == (1.5, 0.1)
    assert convergence.moments(seen.steps)[1] == {
        "samples": 256,
        "probes": 256,
        "mean_trace": 1.5,
        "stderr": 0.1,
    }


@pytest.mark.parametrize(
    "change",
    [
        {"history": []},
        {"history": result()["history"][:2]},
        {"history": [{**moment, "stderrs": [0.0, 0.0]} for moment in result()["history"]]},
    ],
)
def test_without_a_course_or_without_errors_there_is_nothing_to_see(change: dict[str, Any]) -> None:
    assert convergence.view(result() | change, "a") is None


def test_a_result_of_an_earlier_version_and_an_unknown_block_have_no_view() -> None:
    old = result()
    del old["history"]
    assert convergence.view(old, "a") is None
    assert convergence.view(result(), "c") is None


def test_one_panel_where_every_sample_has_its_probe_else_one_for_each() -> None:
    alike, apart = (convergence.view(result(probes=n), "a") for n in (1, 64))
    assert alike is not None
    assert apart is not None
    assert {trace.xaxis for trace in convergence.figure(alike).data} == {"x"}
    made = convergence.figure(apart)
    assert {trace.xaxis for trace in made.data} == {"x", "x2"}
    assert (made.layout.xaxis.type, made.layout.xaxis2.type) == ("log", "log")
    assert "samples" in made.layout.xaxis.title.text
    assert "probes" in made.layout.xaxis2.title.text
    estimates = [trace for trace in made.data if trace.name == "estimate so far"]
    assert [list(trace.x) for trace in estimates] == [[128, 256], [2, 4]]


def test_the_band_is_one_standard_error_and_the_line_is_the_final_value() -> None:
    seen = convergence.view(result(), "a")
    assert seen is not None
    band, estimate, final = convergence.figure(seen).data
    assert list(band.y) == pytest.approx([1.6, 1.3, 0.9, 0.8])
    assert list(estimate.y) == pytest.approx([1.2, 1.1])
    assert list(final.y) == [1.1, 1.1]
    assert "1.1 ± 0.2" in final.name
