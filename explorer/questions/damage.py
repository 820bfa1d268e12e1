"""The questions for measured damage of every width, and for predicted damage against measured loss."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from explorer.errors import PlanError
from explorer.questions.base import MOST_SAMPLES, Granularity, Quantizer, Question, Split, Width

DamageMeasure = Literal["product", "lambda-max", "activation", "activation-product"]

EIGEN_ROWS = 512  # of the eigenvalues, where nothing else is asked for


def _settled(bits: Any) -> Any:
    return tuple(sorted(set(bits))) if isinstance(bits, list | tuple | set) else bits


class DamageQuestion(Question):
    """Damage of every width of every block, by a measure computed from the network.

    The weights' quantizer is no part of the damage of activations, nor are the samples where it goes by their traces;
    an error to reach is one of the products of the weights alone.
    """

    kind = "damage"
    version = 2
    refusal = PlanError

    measure: DamageMeasure = Field(
        "product",
        description="ΔWᵀHΔW itself, the largest eigenvalue × ‖ΔW‖², or of activations: their traces × their errors, or "
        "the form of their errors itself, comparable with product",
    )
    bits: tuple[Width, ...] = Field(
        (2, 3, 4, 5, 6, 7, 8), min_length=1, description="widths that are measured"
    )
    granularity: Granularity = Field("layer", description="what a block is")
    samples: int | None = Field(
        None,
        ge=2,
        le=MOST_SAMPLES,
        description="training rows; else as many as suit the measure, 1,024 at most",
    )
    rel_se: float | None = Field(
        None,
        gt=0,
        le=1000,
        description="stop ΔWᵀHΔW at this relative standard error in every block and width",
    )
    quantizer: Quantizer = Quantizer()

    _bits_in_order = field_validator("bits", mode="before")(_settled)

    @model_validator(mode="before")
    @classmethod
    def _without_idle_options(cls, options: dict[str, Any]) -> dict[str, Any]:
        idle = {
            "activation": ("samples", "quantizer", "rel_se"),
            "activation-product": ("quantizer", "rel_se"),
            "lambda-max": ("rel_se",),
        }
        measure = options.get("measure", "product")
        kept = {key: value for key, value in options.items() if key not in idle.get(measure, ())}
        if measure == "lambda-max" and kept.get("samples") == EIGEN_ROWS:
            kept["samples"] = None
        return kept


class ProxyQuestion(Question):
    """Predicted damage against the measured loss of many plans."""

    kind = "proxy"
    version = 3  # with the terms between blocks
    urgency = -10
    refusal = PlanError

    plans: int = Field(80, ge=2, le=100_000, description="how many to measure")
    samples: int = Field(1000, ge=2, le=MOST_SAMPLES, description="samples")
    split: Split = Field("test", description="which samples")
    bits: tuple[Width, ...] = Field(
        (2, 3, 4, 6, 8), min_length=1, description="widths that plans are made of"
    )
    a_bits: Width = Field(32, description="width of the activations; 32 leaves them as they are")
    granularity: Granularity = Field("layer", description="what a block is")
    quantizer: Quantizer = Quantizer()
    damage_samples: int | None = Field(
        None,
        ge=2,
        le=MOST_SAMPLES,
        description="training rows for ΔWᵀHΔW, without and with its terms between blocks",
    )
    eigen_samples: int = Field(128, ge=2, le=MOST_SAMPLES, description="training rows for the eigenvalues")

    _bits_in_order = field_validator("bits", mode="before")(_settled)
