"""The question for Hessian traces of every block (`explorer.curvature.weight_traces`, `activation_traces`)."""

from typing import Any, Literal, get_args

from pydantic import Field, field_validator

from explorer.errors import CurvatureError
from explorer.questions.base import MOST_SAMPLES, Granularity, Question, is_number, two_give_an_error

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
    samples: int | None = Field(
        None,
        ge=2,
        le=MOST_SAMPLES,
        description="at most so many data samples, drawn with repetition; exact takes all",
    )
    rel_se: float = Field(
        0.05, gt=0, le=1000, description="stop at this relative standard error in every block"
    )
    probes: Probes = Field("rademacher", description="random vectors of hutchinson")
    jointly: bool = Field(True, description="hutchinson with one product a draw for all blocks")

    _two_give_an_error = field_validator("samples", mode="before")(two_give_an_error)

    @field_validator("rel_se", mode="before")
    @classmethod
    def _an_error_to_reach(cls, value: Any) -> Any:
        if is_number(value) and not value > 0:
            raise ValueError(f"rel_se={value} is no error to reach; give one above 0, such as 0.05")
        return value

    @field_validator("probes", mode="before")
    @classmethod
    def _known_probes(cls, value: Any) -> Any:
        if value not in get_args(Probes):
            raise ValueError(f"there are no {value!r} probes; use one of {', '.join(get_args(Probes))}")
        return value
