"""The question for the smallest plan that keeps a wish: so much accuracy may be lost, measured, and no more.

What a plan may be (widths, activations, cost, constraints) and how damage is predicted is a question to the frontier,
held within. There the usual menu, activations and measure have one spelling, that of not being said.

>>> ChooseQuestion(frontier=FrontierQuestion(bits=(8, 6, 4, 3, 2), a_bits=8, damage="product")).parameters()
{}
>>> ChooseQuestion(max_drop=1).parameters()
Traceback (most recent call last):
    ...
explorer.errors.PlanError: max_drop is 1; it must be less than 1
"""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from explorer.errors import PlanError
from explorer.questions.base import MOST_SAMPLES, Granularity, Question, check_width
from explorer.questions.frontier import FrontierQuestion

USUAL_MENU = (2, 3, 4, 6, 8)
USUAL_ACTIVATIONS = 8
USUAL_MEASURE = "product"
StepRule = Literal["rule", "lapq"]
_COUNTS_ACTIVATIONS = {"bops", "latency", "activations"}


class ChooseQuestion(Question):
    """The cheapest plan of a frontier that loses at most so much accuracy."""

    kind = "choose"
    version = (
        3  # 2: along the frontier of ΔWᵀHΔW where no measure is named; 3: narrow activations do damage too
    )
    refusal = PlanError

    max_drop: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="accuracy, or what else is counted, that may be lost, a share: 0.01 is one point",
    )
    frontier: FrontierQuestion = Field(FrontierQuestion(), description="what is chosen from")
    granularity: Granularity = Field("layer", description="what a block is")
    samples: int = Field(
        2000, ge=2, le=MOST_SAMPLES, description="training samples to choose by; as many more are held out"
    )
    refine: bool = Field(False, description="swap bits between blocks by measured loss")
    steps: StepRule = Field(
        "rule",
        description="step sizes: by the usual rule, or LAPQ's where they help, with smaller plans that they allow",
    )

    @field_validator("frontier", mode="after")
    @classmethod
    def _one_spelling(cls, value: FrontierQuestion) -> FrontierQuestion:
        ends = () if value.first_last_at is None else (value.first_last_at,)
        for width in (
            *(value.bits or ()),
            *value.a_menu,
            *value.keep.values(),
            *value.a_keep.values(),
            *ends,
        ):
            check_width(width)
        changes: dict[str, Any] = {}
        if value.bits == USUAL_MENU:
            changes["bits"] = None
        if value.damage == USUAL_MEASURE:
            changes["damage"] = None
        counted = _COUNTS_ACTIVATIONS & {value.cost, *value.limits}
        if not value.a_menu and value.a_bits == ("weights" if counted else USUAL_ACTIVATIONS):
            changes["a_bits"] = None
        return value.but(**changes) if changes else value

    @model_validator(mode="after")
    def _widths_with_steps(self) -> Self:
        asked = self.frontier
        weights = (*(asked.bits or ()), *asked.keep.values(), asked.first_last_at)
        inputs = (*asked.a_menu, *asked.a_keep.values(), asked.a_bits)
        for width in (*weights, *inputs) if self.steps == "lapq" else ():
            if isinstance(width, int) and not 2 <= width <= 8 and width != 32:
                raise ValueError(
                    f"LAPQ has no steps for {width} bits; leave that width out, or choose without its steps"
                )
        return self
