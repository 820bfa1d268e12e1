"""Titles of runs: a person tells two runs apart by them."""

import pytest

from explorer.jobs import registry
from explorer.questions import (
    EvaluateQuestion,
    FinetuneQuestion,
    LandscapeQuestion,
    LapqQuestion,
    TracesQuestion,
)
from explorer.questions.telling.titles import NOUNS, settings, title


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


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "W2, A8 · LSQ + distillation · 5 epochs"),
        ({"logits": 0, "epochs": 1, "seed": 2}, "W2, A8 · LSQ + distillation of channels · 1 epoch · seed 2"),
        ({"channels": 0, "method": "ste"}, "W2, A8 · straight-through estimator + distillation of outputs · 5 epochs"),
        (
            {"logits": 0.5, "noise": 0.3, "stages": 3, "method_options": {"penalty": 0.1}, "method": "pact"},
            "W2, A8 · PACT + distillation + feature noise 0.3, 3 stages · 5 epochs · penalty 0.1 · "
            "distillation of outputs 0.5",
        ),
    ],
)  # fmt: skip
def test_a_training_is_told_by_its_recipe(options: dict[str, object], said: str) -> None:
    """Widths, method, teacher and epochs come first and are always said; each option is said once."""
    plan = {"blocks": {"a": {"w_bits": 2, "a_bits": 8}}}
    assert " · ".join(settings(FinetuneQuestion(plan=plan, **options))) == said
