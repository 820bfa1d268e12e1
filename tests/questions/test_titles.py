"""Titles of runs: a person tells two runs apart by them."""

import pytest

from explorer.jobs import registry
from explorer.questions import EvaluateQuestion, LandscapeQuestion, LapqQuestion, TracesQuestion
from explorer.questions.titles import NOUNS, title


@pytest.mark.parametrize(
    ("question", "said"),
    [
        (TracesQuestion(), "Hessian traces · net"),
        (
            TracesQuestion(of="activations", rel_se=0.1, seed=3),
            "Hessian traces · net · seed 3 · activations · target error 0.1",
        ),
        (LandscapeQuestion(block="conv1", dims=1), "Loss landscape · net · conv1 · dimensions 1"),
        (LapqQuestion(w_bits=2), "Step sizes · net · weight bits 2"),
        (
            EvaluateQuestion(plan={"blocks": {"a": {"w_bits": 2, "a_bits": 8}, "b": {"w_bits": 4, "a_bits": 8}}}),
            "Evaluation · net · plan W2 to W4, A8",
        ),
    ],
)  # fmt: skip
def test_a_title_says_what_is_asked(question: object, said: str) -> None:
    """What, of which study, and what differs from the usual settings, in words."""
    assert sorted(title(question, "net").split(" · ")) == sorted(said.split(" · "))  # type: ignore[arg-type]


def test_every_kind_has_a_name() -> None:
    """No run is listed under a name from the code."""
    assert set(NOUNS) == set(registry.names())
