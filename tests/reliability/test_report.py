"""The page about reliability is what its figures say."""

import json

from tests.reliability import report
from tests.reliability.asking import KINDS


def test_the_page_is_made_of_the_figures_and_the_cases() -> None:
    """`python -m tests.reliability.report` after a change of the cases; `make soak` for other figures."""
    figures = json.loads(report.FIGURES.read_text(encoding="utf-8"))
    assert report.FIGURES.with_suffix(".md").read_text(encoding="utf-8") == report.page(figures)


def test_what_is_asked_is_what_was_measured() -> None:
    """The figures that are shipped keep what the project promises."""
    figures = json.loads(report.FIGURES.read_text(encoding="utf-8"))
    kills, load, fuzz = (figures[part] for part in ("kills", "load", "fuzz"))
    assert kills["wrong"] + load["wrong"] + fuzz["wrong"] == []
    assert sum(kills["workers"].values()) >= 50
    assert kills["under_way"] >= 25, "many of them while it computed"
    assert set(kills["workers"]) <= set(KINDS), "a kind that is newer is named on the page"
    assert load["sessions"]["errors"] == 0
    assert load["sessions"]["sessions"] >= 20
    assert load["sessions"]["reruns"]["p95"] < 5
    assert load["queue"]["most"] <= load["queue"]["limit"]
    assert load["queue"]["pages"]["p95"] < 1
    assert sum(each["inputs"] for each in fuzz["counts"]) >= 20_000
    assert all(each["inputs"] > 0 for each in fuzz["guided"])
