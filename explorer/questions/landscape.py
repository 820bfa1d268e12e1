"""The question for a slice of the loss through the trained weights (`explorer.landscape.measure_slice`)."""

from typing import Any, Literal

from pydantic import Field, model_validator

from explorer.errors import CurvatureError
from explorer.questions.base import Question

Directions = Literal["eigen", "random", "quantization"]
DEFAULT_BITS = (4, 2)


class LandscapeQuestion(Question):
    """The loss on a line or in a plane through the trained weights.

    Widths that play no part are put to their default: those beyond the dimensions, and all of them where the
    directions are not those of quantization.
    """

    kind = "landscape"
    version = 2
    refusal = CurvatureError
    free = frozenset({"points"})

    block: str | None = Field(
        None, description="a block's name, of a layer or a module; all blocks without it"
    )
    directions: Directions = Field(
        "eigen",
        description="top Hessian eigenvectors, filter-normalised random, or along quantization itself",
    )
    dims: Literal[1, 2] = Field(2, description="a line or a plane")
    points: int = Field(17, description="a side: 5, 9, 17, 33, 65, 129 or 257")
    radius: float | None = Field(
        None, gt=0, lt=1e30, description="how far the axes go, in weight units; by the 4-bit step without it"
    )
    samples: int = Field(512, ge=2, description="training samples the loss is the mean of")
    bits: tuple[int, ...] = Field(DEFAULT_BITS, description="widths that a quantization slice runs along")

    @model_validator(mode="before")
    @classmethod
    def _without_idle_widths(cls, options: dict[str, Any]) -> dict[str, Any]:
        bits = tuple(options.get("bits", DEFAULT_BITS))
        dims = options.get("dims", 2)
        along = options.get("directions", "eigen") == "quantization" and isinstance(dims, int)
        if not along or bits[:dims] == DEFAULT_BITS[:dims]:
            return {**options, "bits": DEFAULT_BITS}
        return {**options, "bits": bits[:dims]}
