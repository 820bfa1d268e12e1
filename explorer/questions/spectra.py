"""The questions for eigenvalues and spectral densities of the Hessian (`explorer.curvature.spectra`)."""

from typing import Any, Literal, Self, get_args

from pydantic import Field, field_validator, model_validator

from explorer.errors import CurvatureError
from explorer.questions.base import (
    LONGEST_NAME,
    MOST_SAMPLES,
    Granularity,
    Question,
    is_number,
    two_give_an_error,
)

Which = Literal["largest", "magnitude", "smallest"]
EigenMethod = Literal["auto", "lanczos", "power"]
SpectrumMethod = Literal["auto", "lanczos"]


class EigenvaluesQuestion(Question):
    """Top eigenpairs of every block's Hessian, and of the whole network's.

    Without a number of samples (None) the Hessian is the mean over all rows. ``auto`` finds them from the gradients of
    the samples where that is the whole Hessian (`explorer.curvature.spectra.gram`), and by ``lanczos`` iteration on
    Hessian-vector products elsewhere. Lanczos stops when every residual is at most ``tol`` of its eigenvalue, power
    iteration when the eigenvalue changes by less than that share.
    """

    kind = "eigenvalues"
    refusal = CurvatureError
    free = frozenset({"k", "method", "samples", "tol", "max_products", "seed"})

    k: int = Field(2, ge=1, le=1000, description="how many of each block")
    which: Which = Field("largest", description="which end of the spectrum")
    method: EigenMethod = Field("auto", description="how to find them")
    granularity: Granularity = Field("layer", description="what a block is")
    samples: int | None = Field(
        512, ge=2, le=MOST_SAMPLES, description="training rows that the Hessian is a mean over"
    )
    tol: float = Field(1e-3, gt=0, lt=1, description="stop at this relative residual")
    max_products: int = Field(
        200, ge=2, le=1_000_000, description="at most so many products with the Hessian a block"
    )
    whole: bool = Field(True, description="the whole network's too")

    _two_give_an_error = field_validator("samples", mode="before")(two_give_an_error)

    @field_validator("k", mode="before")
    @classmethod
    def _some(cls, value: Any) -> Any:
        if is_number(value) and value < 1:
            raise ValueError(f"k={value} asks for no eigenvalue; give at least 1")
        return value

    @field_validator("which", mode="before")
    @classmethod
    def _known_end(cls, value: Any) -> Any:
        if value not in get_args(Which):
            raise ValueError(
                f"there is no end {value!r} of a spectrum; use one of {', '.join(get_args(Which))}"
            )
        return value

    @field_validator("tol", mode="before")
    @classmethod
    def _a_residual_to_reach(cls, value: Any) -> Any:
        if is_number(value) and not value > 0:
            raise ValueError(f"tol={value} is no residual to reach; give a number above 0, such as 1e-3")
        return value

    @model_validator(mode="after")
    def _products_enough(self) -> Self:
        if self.max_products <= self.k:
            raise ValueError(
                f"max_products={self.max_products} is too few for k={self.k}; give at least {self.k + 1}"
            )
        return self


class SpectrumQuestion(Question):
    """Spectral density of one block's Hessian, or of the whole network's, where it does not matter what a block is.

    Every step of a probe is a Hessian-vector product. ``auto`` takes none where all eigenvalues of the block can be
    had from the gradients of the samples (`explorer.curvature.spectra.gram`): the density is exact then. Without a
    number of samples (None) the Hessian is the mean over all rows.
    """

    kind = "spectrum"
    refusal = CurvatureError
    free = frozenset({"steps", "probes", "samples", "blur", "method", "seed"})

    block: str | None = Field(
        None, max_length=LONGEST_NAME, description="its name; the whole network without it"
    )
    method: SpectrumMethod = Field("auto", description="how to find it")
    steps: int = Field(64, ge=1, le=10_000, description="of Lanczos for each probe")
    probes: int = Field(8, ge=2, le=100_000, description="random starts")
    granularity: Granularity = Field("layer", description="what a block is")
    samples: int | None = Field(
        512, ge=2, le=MOST_SAMPLES, description="training rows that the Hessian is a mean over"
    )
    blur: float = Field(0.01, gt=0, lt=1, description="width of the bells, as a share of the range")

    _two_give_an_error = field_validator("samples", mode="before")(two_give_an_error)

    @model_validator(mode="before")
    @classmethod
    def _a_band(cls, options: dict[str, Any]) -> dict[str, Any]:
        steps, probes = (options.get(name, cls.default(name)) for name in ("steps", "probes"))
        if is_number(steps) and is_number(probes) and (steps < 1 or probes < 2):
            raise ValueError(
                f"steps={steps}, probes={probes} give no band; give at least 1 step and 2 probes"
            )
        return options

    @field_validator("blur", mode="before")
    @classmethod
    def _a_width(cls, value: Any) -> Any:
        if is_number(value) and not value > 0:
            raise ValueError(f"blur={value} is no width; give a share above 0, such as {cls.default('blur')}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _without_idle_granularity(cls, options: dict[str, Any]) -> dict[str, Any]:
        if options.get("block") is None:
            return {key: value for key, value in options.items() if key != "granularity"}
        return options
