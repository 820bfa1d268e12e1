"""The questions for eigenvalues and spectral densities of the Hessian (`explorer.curvature.spectra`)."""

from typing import Literal

from pydantic import Field

from explorer.errors import CurvatureError
from explorer.questions.base import Granularity, Question

Which = Literal["largest", "magnitude", "smallest"]
EigenMethod = Literal["lanczos", "power"]


class EigenvaluesQuestion(Question):
    """Top eigenpairs of every block's Hessian, and of the whole network's."""

    kind = "eigenvalues"
    refusal = CurvatureError
    free = frozenset({"k", "method", "samples", "tol", "max_products", "seed"})

    k: int = Field(2, ge=1, description="how many of each block")
    which: Which = Field("largest", description="which end of the spectrum")
    method: EigenMethod = Field("lanczos", description="how to find them")
    granularity: Granularity = Field("layer", description="what a block is")
    samples: int = Field(512, ge=2, description="training rows that the Hessian is a mean over")
    tol: float = Field(1e-3, gt=0, lt=1, description="stop at this relative residual")
    max_products: int = Field(200, ge=2, description="at most so many Hessian-vector products a block")
    whole: bool = Field(True, description="the whole network's too")


class SpectrumQuestion(Question):
    """Spectral density of one block's Hessian, or of the whole network's."""

    kind = "spectrum"
    refusal = CurvatureError
    free = frozenset({"steps", "probes", "samples", "blur", "seed"})

    block: str | None = Field(None, description="its name; the whole network without it")
    steps: int = Field(64, ge=1, le=10_000, description="of Lanczos for each probe")
    probes: int = Field(8, ge=2, le=100_000, description="random starts")
    granularity: Granularity = Field("layer", description="what a block is")
    samples: int = Field(512, ge=2, description="training rows that the Hessian is a mean over")
    blur: float = Field(0.01, gt=0, lt=1, description="width of the bells, as a share of the range")
