"""Candidates side by side: none is best whose lead its error explains, and a brush keeps what it is drawn over."""

from math import hypot
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.estimates import NOISE, Estimate
from explorer.jobs.telling.candidates import BITS, Candidate, Quantity, standing, together, within
from explorer.plans import Plan
from explorer.plans.plan.plan import BlockBits

ESTIMATES = st.builds(Estimate, st.floats(0, 1), st.floats(0, 0.1))


def candidate(key: str, bits: int = 4, **values: Estimate) -> Candidate:
    """One with these values."""
    known = cast(dict[Quantity, Estimate], values)
    return Candidate(key, key, "plan", Plan("s", "0", {"a": BlockBits(bits, 8)}), known)


@given(st.lists(ESTIMATES, min_size=2, max_size=6))
def test_the_best_is_better_by_more_than_the_errors_explain(found: list[Estimate]) -> None:
    """Whatever the values: whoever is best leads every other one by two standard errors of the difference."""
    told = standing([candidate(str(place), accuracy=of) for place, of in enumerate(found)])
    best = [place for place in range(len(found)) if told[str(place)].get("accuracy") == "best"]
    assert len(best) <= 1
    for place in best:
        others = [of for other, of in enumerate(found) if other != place]
        lead = [found[place].value - of.value for of in others]
        errors = [hypot(found[place].stderr, of.stderr) for of in others]
        assert all(ahead > NOISE * error for ahead, error in zip(lead, errors, strict=True))


def test_who_is_within_the_error_of_the_best_is_as_good() -> None:
    """Three accuracies, the first two apart by less than their errors; the sizes are exact, and smaller is better."""
    found = [
        candidate("first", accuracy=Estimate(0.94, 0.003), size=Estimate(200, 0.0)),
        candidate("second", accuracy=Estimate(0.935, 0.003), size=Estimate(100, 0.0)),
        candidate("third", accuracy=Estimate(0.90, 0.004), size=Estimate(150, 0.0)),
    ]
    assert standing(found) == {
        "first": {"accuracy": "as good as the best"},
        "second": {"accuracy": "as good as the best", "size": "best"},
        "third": {},
    }
    assert standing(found, larger_is_better=False)["third"] == {"accuracy": "best"}
    alike = [candidate("one", size=Estimate(5, 0.0)), candidate("other", size=Estimate(5, 0.0))]
    assert standing(alike) == {"one": {}, "other": {}}  # none stands out


@pytest.mark.parametrize(
    ("ranges", "kept"),
    [
        ({}, ["narrow", "wide"]),
        ({"accuracy": [(0.8, 0.85), (0.92, 1.0)]}, ["wide"]),
        ({f"{BITS}a": [(1.5, 2.5)]}, ["narrow"]),
        ({"latency": [(0.0, 9.0)]}, []),  # which is known of none
        ({"accuracy": []}, ["narrow", "wide"]),  # a brush that was taken away
        ({f"{BITS}a": [(1.5, 2.5)], "accuracy": [(0.92, 1.0)]}, []),
    ],
)
def test_a_brush_keeps_what_lies_in_it(ranges: dict[str, list[tuple[float, float]]], kept: list[str]) -> None:
    """In one of the stretches of every axis that is drawn over."""
    found = [
        candidate("narrow", 2, accuracy=Estimate(0.9, 0.003)),
        candidate("wide", 8, accuracy=Estimate(0.94, 0.003)),
    ]
    assert [each.key for each in within(found, ranges)] == kept


def test_blocks_that_differ_alike_are_one() -> None:
    """In the order of the first of each group."""
    alike, other = ((2, 8), (4, 8)), ((8, 8), (4, 8))
    assert together({"a": alike, "b": other, "c": alike}) == {("a", "c"): alike, ("b",): other}
