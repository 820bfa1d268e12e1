"""What a comparison of methods of calibration found: a row a method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.quantizers.bias_correction import BiasCorrection


@dataclass(frozen=True)
class Difference:
    """What a method has beyond another on the same test images, each with its paired standard error."""

    loss: float
    loss_stderr: float
    accuracy: float | None
    accuracy_stderr: float | None


@dataclass(frozen=True)
class Row:
    """A method.

    Attributes:
        method: ``fp32`` or one of `comparison.TABLE`.
        calibration_loss: mean over the calibration images.
        test_loss, test_loss_stderr: mean over the test images and its standard error.
        test_accuracy, test_accuracy_stderr: share of them that is right, in [0, 1]; None where there are no classes.
        over: what it has beyond the methods above it, FP32 and those with the same bias correction.
        forward_equivalents: work for the steps in full forward passes over all calibration images; LAPQ's phases
            count those before them.
        steps: site to step; empty where steps alone do not say what the network is.
        extra_weights: how many weights more are stored, as a share of the quantized ones.
    """

    method: str
    bias_correction: BiasCorrection
    calibration_loss: float
    test_loss: float
    test_loss_stderr: float
    test_accuracy: float | None
    test_accuracy_stderr: float | None
    over: Mapping[str, Difference]
    forward_equivalents: float
    steps: Mapping[str, float]
    extra_weights: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        over = {name: dict(vars(each)) for name, each in self.over.items()}
        return {**vars(self), "over": over, "steps": dict(self.steps)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Row:
        """What `to_json` wrote."""
        over = {name: Difference(**each) for name, each in content["over"].items()}
        return cls(**{**content, "over": over})


@dataclass(frozen=True)
class Comparison:
    """The table.

    Attributes:
        w_bits, a_bits: of all quantized tensors; None where a plan gave the widths.
        calibration, test_images: how many images there were.
        method: of the joint phase.
        rows: FP32, then for each correction the methods in the order of `comparison.methods`.
    """

    study: str
    w_bits: int | None
    a_bits: int | None
    calibration: int
    test_images: int
    method: str
    seed: int
    rows: tuple[Row, ...]

    def row(self, method: str, bias_correction: BiasCorrection = "none") -> Row:
        """One of the rows."""
        return next(
            row for row in self.rows if (row.method, row.bias_correction) == (method, bias_correction)
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "rows": [row.to_json() for row in self.rows]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Comparison:
        """What `to_json` wrote."""
        return cls(**{**content, "rows": tuple(Row.from_json(row) for row in content["rows"])})
