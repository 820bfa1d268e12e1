"""The questions for measured damage of every width, and for predicted damage against measured loss."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from explorer.errors import PlanError
from explorer.questions.base import MOST_SAMPLES, Granularity, Quantizer, Question, Split, Width

DamageMeasure = Literal["product", "lambda-max", "activation"]


def _settled(bits: Any) -> Any:
    return tuple(sorted(set(bits))) if isinstance(bits, list | tuple | set) else bits


class DamageQuestion(Question):
    """Damage of every width of every block, by a measure computed from the network.

    Neither the samples nor the weights' quantizer are part of the damage of activations.
    """

    kind = "damage"
    refusal = PlanError

    measure: DamageMeasure = Field(
        "product",
        description="ΔWᵀHΔW itself, the largest eigenvalue × ‖ΔW‖², or the traces of the activations × their errors",
    )
    bits: tuple[Width, ...] = Field(
        (2, 3, 4, 5, 6, 7, 8), min_length=1, description="widths that are measured"
    )
    granularity: Granularity = Field("layer", description="what a block is")
    samples: int = Field(512, ge=2, le=MOST_SAMPLES, description="training rows")
    quantizer: Quantizer = Quantizer()

    _bits_in_order = field_validator("bits", mode="before")(_settled)

    @model_validator(mode="before")
    @classmethod
    def _without_idle_options(cls, options: dict[str, Any]) -> dict[str, Any]:
        if options.get("measure") == "activation":
            return {key: value for key, value in options.items() if key not in ("samples", "quantizer")}
        return options


class ProxyQuestion(Question):
    """Predicted damage against the measured loss of many plans."""

    kind = "proxy"
    urgency = -10
    refusal = PlanError

    plans: int = Field(80, ge=2, le=100_000, description="how many to measure")
    samples: int = Field(1000, ge=2, le=MOST_SAMPLES, description="images")
    split: Split = Field("test", description="which images")
    bits: tuple[Width, ...] = Field(
        (2, 3, 4, 6, 8), min_length=1, description="widths that plans are made of"
    )
    a_bits: Width = Field(32, description="width of the activations; 32 leaves them as they are")
    granularity: Granularity = Field("layer", description="what a block is")
    quantizer: Quantizer = Quantizer()
    damage_samples: int = Field(
        512, ge=2, le=MOST_SAMPLES, description="training rows for ΔWᵀHΔW by products"
    )
    eigen_samples: int = Field(128, ge=2, le=MOST_SAMPLES, description="training rows for the eigenvalues")

    _bits_in_order = field_validator("bits", mode="before")(_settled)
