"""The question for a frontier (`explorer.plans.frontier`): widths, costs, limits and constraints of single blocks.

It is answered at once and is no run; `FrontierQuestion.canonical` tells two questions apart, as the keys of caches do.
What is data rather than an option (traces, tables of one's own) stands beside it in the call.

>>> FrontierQuestion(bits=(8, 4), keep={"conv1": 8}).canonical()
'{"bits":[4,8],"keep":{"conv1":8}}'
>>> FrontierQuestion(cost="weight")
Traceback (most recent call last):
    ...
explorer.errors.PlanError: there is no cost 'weight'; use one of size, bops, latency or activations
"""

import json
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from explorer.errors import PlanError
from explorer.questions.base import MOST_NAMES, Frozen, Name

CostName = Literal["size", "bops", "latency", "activations"]
Menu = Annotated[tuple[int, ...], Field(max_length=100)]
Widths = Annotated[dict[Name, int], Field(max_length=MOST_NAMES)]
Measure = Literal["trace", "lambda-max", "l2", "product"]
MEASURE_NAMES: Mapping[Measure, str] = {
    "product": "exact quadratic",
    "trace": "Hessian trace",
    "lambda-max": "top eigenvalue",
    "l2": "weight error only",
}
"""What people call each measure of damage."""


class FrontierQuestion(Frozen):
    """One question to the frontier of a study."""

    refusal = PlanError

    bits: Menu | None = Field(
        None,
        description="allowed widths; 2, 3, 4, 6, 8, or those a profile was published at, without",
    )
    cost: CostName = Field("size", description="the axis")
    damage: Measure | None = Field(
        None,
        description="how Ω is predicted: product (ΔWᵀHΔW), trace (HAWQ-V2), lambda-max (HAWQ) or l2; product for a "
        "network, trace for published figures, without",
    )
    monotone: bool = Field(False, description="only HAWQ-V2's set B")
    ties: tuple[tuple[Name, ...], ...] = Field(
        (), max_length=MOST_NAMES, description="groups of blocks that share a width, besides a profile's own"
    )
    auto_ties: bool = Field(False, description="tie a residual's projection to its main path")
    keep: dict[Name, int] = Field(
        {}, max_length=MOST_NAMES, description="block to the width its weights must have"
    )
    minimum: dict[Name, int] = Field(
        {}, max_length=MOST_NAMES, description="block to the smallest width of its weights"
    )
    maximum: dict[Name, int] = Field(
        {}, max_length=MOST_NAMES, description="block to the largest width of its weights"
    )
    first_last_at: int | None = Field(
        None, description="width of the first and the last block, unless keep says another"
    )
    limits: dict[CostName, float] = Field({}, description="further costs and the most of each, in its unit")
    a_bits: int | Literal["weights"] | None = Field(
        None,
        description="width of activations, or weights: as wide as their block's weights; without: 8, or as the "
        "weights where a cost counts it",
    )
    a_menu: Menu = Field((), description="activation widths to choose from; none: not chosen")
    a_keep: dict[Name, int] = Field(
        {}, max_length=MOST_NAMES, description="block to the width its activations must have"
    )
    a_minimum: dict[Name, int] = Field(
        {}, max_length=MOST_NAMES, description="block to the smallest width of its activations"
    )
    a_maximum: dict[Name, int] = Field(
        {}, max_length=MOST_NAMES, description="block to the largest width of its activations"
    )
    scales: bool = Field(False, description="whether a size counts the quantizers' scales too")
    latencies: str = Field(
        "", max_length=5_000_000, description="CSV of latencies of one's own; those published without"
    )

    @field_validator("bits", "a_menu", mode="before")
    @classmethod
    def _in_order(cls, value: Any) -> Any:
        given = isinstance(value, Iterable) and not isinstance(value, str)
        return tuple(int(bits) for bits in sorted(set(value))) if given else value

    @field_validator("keep", "minimum", "maximum", "a_keep", "a_minimum", "a_maximum", mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {} if value is None else value

    @field_validator("ties", mode="before")
    @classmethod
    def _groups(cls, value: Any) -> Any:
        return tuple(tuple(group) for group in value)

    def canonical(self) -> str:
        """JSON of the options that differ from their defaults: the same text for the same question."""
        return json.dumps(self.differing(), sort_keys=True, separators=(",", ":"))

    def __hash__(self) -> int:
        return hash(self.canonical())
