"""A training in a line, and widgets made of an option's field."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.questions import FinetuneQuestion
from explorer.ui.training import words

PLAN: dict[str, Any] = {"blocks": {"a": {"w_bits": 2, "a_bits": 4}}}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "LSQ + distillation, 5 epochs"),
        ({"epochs": 1, "noise": 0.3}, "LSQ + distillation + feature noise 0.3, 1 epoch"),
        (
            {"method": "ste", "logits": 0, "channels": 0, "stages": 3},
            "Straight-through estimator, 3 stages, 5 epochs",
        ),
    ],
)
def test_a_recipe_is_said_in_a_line(options: dict[str, Any], said: str) -> None:
    assert words.recipe(FinetuneQuestion(plan=PLAN, **options)) == said


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.2, "about 1 s"), (240, "about 4 min"), (9000, "about 2.5 h")]
)
def test_a_time_is_rounded(seconds: float, said: str) -> None:
    assert words.about(seconds) == said


def test_every_option_of_every_method_has_a_widget() -> None:
    """A method that is added needs no page."""

    def page() -> None:
        from explorer.qat import METHODS
        from explorer.ui.parts import fields

        for name, method in METHODS.items():
            for option, field in method.Options.model_fields.items():
                fields.widget(field, label=option, value=field.get_default(), key=f"{name}-{option}")

    made = AppTest.from_function(page).run()
    assert not made.exception
    assert len(made.selectbox) > 0
    assert len(made.number_input) > 0
