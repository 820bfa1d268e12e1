"""The question for a slice of the loss through the trained weights (`explorer.landscape.measure_slice`)."""

from typing import Any, Literal, get_args

from pydantic import Field, field_validator, model_validator

from explorer.errors import CurvatureError
from explorer.questions.base import (
    LONGEST_NAME,
    MOST_SAMPLES,
    Question,
    check_width,
    is_number,
    two_give_an_error,
)

Directions = Literal["eigen", "random", "quantization"]
DEFAULT_BITS = (4, 2)
SIDES = tuple(4 * 2**k + 1 for k in range(7))  # 5, 9, 17, 33, 65, 129, 257: each refines the one before


class LandscapeQuestion(Question):
    """The loss on a line or in a plane through the trained weights.

    Widths that play no part are put to their default: those beyond the dimensions, and all of them where the
    directions are not those of quantization.
    """

    kind = "landscape"
    urgency = -5
    version = 3
    refusal = CurvatureError
    free = frozenset({"points"})

    block: str | None = Field(
        None,
        max_length=LONGEST_NAME,
        description="a block's name, of a layer or a module; all blocks without it",
    )
    directions: Directions = Field(
        "eigen",
        description="top Hessian eigenvectors, filter-normalised random, or along quantization itself",
    )
    dims: Literal[1, 2] = Field(2, description="a line or a plane")
    points: int = Field(17, description="a side: 5, 9, 17, 33, 65, 129 or 257")
    radius: float | None = Field(
        None,
        gt=0,
        le=1e6,
        description="how far the axes go, in weight units; without it by how far 4 bits, or --bits, move the weights",
    )
    samples: int | None = Field(
        512, ge=2, le=MOST_SAMPLES, description="training samples the loss is the mean of"
    )
    bits: tuple[int, ...] = Field(DEFAULT_BITS, description="widths that a quantization slice runs along")

    _two_give_an_error = field_validator("samples", mode="before")(two_give_an_error)

    @model_validator(mode="before")
    @classmethod
    def _without_idle_widths(cls, options: dict[str, Any]) -> dict[str, Any]:
        bits = tuple(map(check_width, options.get("bits", DEFAULT_BITS)))
        dims = options.get("dims", cls.default("dims"))
        if options.get("directions", cls.default("directions")) != "quantization" or dims not in (1, 2):
            return {**options, "bits": DEFAULT_BITS}
        if len(set(bits[:dims])) < dims:
            raise ValueError(f"bits={list(bits)} span no {dims}-D slice; give {dims} different widths")
        return {**options, "bits": DEFAULT_BITS if bits[:dims] == DEFAULT_BITS[:dims] else bits[:dims]}

    @field_validator("directions", mode="before")
    @classmethod
    def _known_directions(cls, value: Any) -> Any:
        if value not in get_args(Directions):
            raise ValueError(
                f"there are no directions {value!r}; use one of {', '.join(get_args(Directions))}"
            )
        return value

    @field_validator("dims", mode="before")
    @classmethod
    def _drawable(cls, value: Any) -> Any:
        if value not in (1, 2):
            raise ValueError(f"dims={value} cannot be drawn; use 1 or 2")
        return value

    @field_validator("points")
    @classmethod
    def _refinable(cls, value: int) -> int:
        if value not in SIDES:
            raise ValueError(f"points={value} cannot be refined; use one of {', '.join(map(str, SIDES))}")
        return value

    @field_validator("radius", mode="before")
    @classmethod
    def _reaching_somewhere(cls, value: Any) -> Any:
        if is_number(value) and not 0 < value < float("inf"):
            raise ValueError(f"radius={value} reaches nowhere; give a length above 0, in weight units")
        return value

    @property
    def spanning(self) -> tuple[int, ...]:
        """Widths whose perturbations span the slice; none unless it is one of quantization."""
        return self.bits[: self.dims] if self.directions == "quantization" else ()
