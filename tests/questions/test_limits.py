"""A question that means nothing, or could not be answered in a lifetime, is refused by whoever asks it: page, command
line, library and recorded runs share the fields."""

from typing import Any

import pytest

from explorer import questions
from explorer.errors import ExplorerError
from explorer.questions import (
    DamageQuestion,
    EigenvaluesQuestion,
    FinetuneQuestion,
    FrontierQuestion,
    LandscapeQuestion,
    LapqHessianQuestion,
    LapqQuestion,
    LapqSurfaceQuestion,
    LapqSweepQuestion,
    LapqTableQuestion,
    MeasureFrontierQuestion,
    ProxyQuestion,
    SpectrumQuestion,
    TracesQuestion,
)

LADDER = {"blocks": ("a",), "weights": ("2", "4"), "inputs": ("8", "8")}


@pytest.mark.parametrize(
    ("kind", "options", "said"),
    [
        (TracesQuestion, {"seed": -1}, "seed is -1"),
        (TracesQuestion, {"seed": 2**63}, "seed is"),
        (TracesQuestion, {"samples": 10**12}, "samples is"),
        (TracesQuestion, {"rel_se": 1e300}, "rel_se is"),
        (FinetuneQuestion, {"plan": {}, "epochs": 10**23}, "epochs is"),
        (FinetuneQuestion, {"plan": {}, "batch_size": 10**12}, "batch_size is"),
        (FinetuneQuestion, {"plan": {}, "method": "x" * 100}, "method is"),
        (SpectrumQuestion, {"steps": 10**19}, "steps is"),
        (SpectrumQuestion, {"block": "x" * 2000}, "block is"),
        (EigenvaluesQuestion, {"k": 10**6, "max_products": 10**7}, "k is"),
        (LandscapeQuestion, {"radius": 1e308}, "radius is"),
        (LandscapeQuestion, {"radius": 10**400}, "radius"),
        (LapqQuestion, {"seed": 2**64}, "seed is"),
        (LapqQuestion, {"calibration": 10**12}, "calibration is"),
        (LapqQuestion, {"leave": ("x",) * 30_000}, "leave is"),
        (LapqHessianQuestion, {"steps": {"a": float("nan")}}, "steps.a is nan"),
        (LapqHessianQuestion, {"steps": {"a": [1]}}, "steps.a is"),
        (LapqSweepQuestion, {"sweep": "calibration", "sizes": (0,)}, "sizes is 0"),
        (LapqSweepQuestion, {"sweep": "calibration", "sizes": ()}, "sizes is"),
        (LapqSweepQuestion, {"sweep": "calibration", "seeds": (-1,)}, "seeds is -1"),
        (LapqSurfaceQuestion, {"first": "x" * 5000, "second": "y"}, "first is"),
        (LapqTableQuestion, {"test_images": 10**12}, "test_images is"),
        (DamageQuestion, {"bits": ()}, "bits is"),
        (ProxyQuestion, {"plans": 10**9}, "plans is"),
        (MeasureFrontierQuestion, {"plans": {**LADDER, "weights": ("2", "2")}}, "a plan is there twice"),
        (MeasureFrontierQuestion, {"plans": {**LADDER, "weights": ("2", "9")}}, "there is no width '9'"),
        (
            MeasureFrontierQuestion,
            {"plans": {**LADDER, "weights": ("2", "33")}},
            "every plan must give each block",
        ),
        (MeasureFrontierQuestion, {"plans": {**LADDER, "weights": ("2",)}}, "weights is"),
        (MeasureFrontierQuestion, {"plans": LADDER, "points": 1}, "points is 1"),
        (MeasureFrontierQuestion, {"plans": LADDER, "samples": 10**12}, "samples is"),
        (FrontierQuestion, {"keep": {"x" * 2000: 4}}, "keep"),
        (FrontierQuestion, {"bits": range(1000)}, "bits is"),
        (FrontierQuestion, {"limits": {"size": float("inf")}}, "limits"),
    ],
)
def test_an_option_beyond_its_limits(kind: Any, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ExplorerError, match=said) as caught:
        kind(**options)
    assert len(str(caught.value)) <= 300


def test_every_number_has_an_upper_limit() -> None:
    """A field that is added later says how far it may go, too."""
    without = []
    for name in questions.__all__:
        kind = getattr(questions, name)
        for field, info in getattr(kind, "model_fields", {}).items():
            numbers = info.annotation in (int, float, int | None, float | None)
            bounded = any(hasattr(each, "le") or hasattr(each, "lt") for each in info.metadata)
            checked = any(
                field in each.info.fields for each in kind.__pydantic_decorators__.field_validators.values()
            )
            widths = any(type(each).__name__ == "AfterValidator" for each in info.metadata)
            if numbers and not (bounded or checked or widths):
                without.append(f"{name}.{field}")
    # Checked where a problem is made of it, against the widths that there are.
    assert without == ["FrontierQuestion.first_last_at"]
