"""The questions about one plan: what it is worth without training, and after it."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from explorer.errors import RunError
from explorer.questions.base import Question, Split

Optimizer = Literal["sgd", "adamw"]
LEARNING_RATES: dict[Optimizer, float] = {
    "sgd": 0.01,
    "adamw": 0.001,
}  # to start with, unless one is asked for


def _anonymous(plan: Any) -> Any:
    """The plan without its name, which plays no part in any result."""
    return {key: value for key, value in plan.items() if key != "name"} if isinstance(plan, dict) else plan


class EvaluateQuestion(Question):
    """Loss and metric of a plan without training, or of the FP32 network."""

    kind = "evaluate"
    urgency = 10
    lighter = ""

    plan: dict[str, Any] | None = Field(None, description="plan.json's content; the FP32 network without it")
    split: Split = Field("test", description="which images")
    deployed: bool = Field(
        False, description="as integer arithmetic computes it: int32 biases, 8-bit residual sums"
    )

    _plan_without_name = field_validator("plan", mode="before")(_anonymous)


class FinetuneQuestion(Question):
    """Quantization-aware training of a plan."""

    kind = "finetune"
    urgency = -10
    lighter = "a smaller batch"
    refusal = RunError

    plan: dict[str, Any] = Field(description="plan.json's content")
    method: str = Field("ste", max_length=80, description="how gradients reach the weights")
    epochs: int = Field(1, ge=1, le=100_000, description="passes over the training data")
    batch_size: int = Field(128, ge=2, le=1_000_000, description="samples a step")
    optimizer: Optimizer = Field("sgd", description="SGD with momentum, or AdamW")
    learning_rate: float | None = Field(
        None,
        gt=0,
        lt=10,
        description="at the start; decays to zero; without it 0.01 for sgd, 0.001 for adamw",
    )

    _plan_without_name = field_validator("plan", mode="before")(_anonymous)

    @model_validator(mode="before")
    @classmethod
    def _one_spelling_of_the_rate(cls, options: Any) -> Any:
        """The optimizer's own learning rate is not spelled out."""
        own = LEARNING_RATES.get(options.get("optimizer", "sgd"))
        return {**options, "learning_rate": None} if options.get("learning_rate") == own else options
