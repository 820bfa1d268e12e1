"""How weights and activations are quantized unless a person says otherwise.

Weights: symmetric, one step an output channel, the step of least squared error (the MMSE baseline of LAPQ,
Nahshan et al. 2019; HAWQ-V3 quantizes weights symmetric and per channel). Activations: affine, one step a
tensor, from the smallest and largest value seen in calibration (HAWQ-V2's asymmetric uniform quantizer). No bias
correction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from explorer.errors import QuantizerError
from explorer.quantizers import steps
from explorer.quantizers.bias_correction import BiasCorrection, check_bias_correction
from explorer.quantizers.grid import Scheme

Granularity = Literal["tensor", "channel"]


@dataclass(frozen=True)
class QuantizerSettings:
    """What a quantizer is, but for its bits: the scheme, what shares a step, and the rule that chooses it.

    `bias_correction` is for weights alone.
    """

    scheme: Scheme = "symmetric"
    granularity: Granularity = "channel"
    step: str = "mse"
    bias_correction: BiasCorrection = "none"

    def __post_init__(self) -> None:
        for name, choices in (
            ("scheme", get_args(Scheme)),
            ("granularity", get_args(Granularity)),
        ):
            value = getattr(self, name)
            if value not in choices:
                raise QuantizerError(
                    f"unknown quantizer {name} {value!r}: choose one of {', '.join(choices)}"
                )
        check_bias_correction(self.bias_correction)
        steps.named(self.step)  # refuses what is no rule


WEIGHTS = QuantizerSettings(scheme="symmetric", granularity="channel", step="mse")
ACTIVATIONS = QuantizerSettings(scheme="affine", granularity="tensor", step="min-max")
