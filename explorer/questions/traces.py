"""The question for Hessian traces of every block (`explorer.curvature.weight_traces`, `activation_traces`)."""

from typing import Literal

from pydantic import Field, field_validator

from explorer.errors import CurvatureError
from explorer.questions.base import Granularity, Question

Of = Literal["weights", "activations"]
TraceMethod = Literal["auto", "exact", "output-probes", "hutchinson"]
Probes = Literal["rademacher", "gaussian"]


class TracesQuestion(Question):
    """Traces of the Hessian over the weights or the activations of every block."""

    kind = "traces"
    version = 3
    refusal = CurvatureError
    free = frozenset({"method", "samples", "rel_se", "probes", "jointly", "seed"})

    of: Of = Field("weights", description="whose Hessian")
    method: TraceMethod = Field("auto", description="how to estimate")
    granularity: Granularity = Field("layer", description="what a block is")
    samples: int | None = Field(None, description="at most so many data samples")
    rel_se: float = Field(0.05, gt=0, description="stop at this relative standard error in every block")
    probes: Probes = Field("rademacher", description="random vectors of hutchinson")
    jointly: bool = Field(True, description="hutchinson with one product a draw for all blocks")

    @field_validator("samples")
    @classmethod
    def _two_give_an_error(cls, value: int | None) -> int | None:
        if value is not None and value < 2:
            raise ValueError(f"samples={value} gives no standard error; give at least 2")
        return value
