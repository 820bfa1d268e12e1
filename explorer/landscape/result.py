"""Slice of the loss and what is on it: plain records that go to and from JSON."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from explorer.questions.landscape import Directions

_MEASURED = ("loss", "measured", "stderr")


@dataclass(frozen=True)
class Axis:
    """One direction d of unit length among the weights, and the loss along it.

    Attributes:
        label: what it is.
        scale: its natural unit in weight units: the length of the perturbation it comes from, the norm of the
            weights for a filter-normalised direction, 1 for an eigenvector.
        slope: g . d.
        curvature: d . Hd; the eigenvalue of an eigenvector.
        curvature_stderr: its standard error over samples.
        held_out, held_out_stderr: d . Hd on as many other samples, for a direction that was fitted to these ones
            (an eigenvector); None for others.
    """

    label: str
    scale: float
    slope: float
    curvature: float
    curvature_stderr: float
    held_out: float | None = None
    held_out_stderr: float | None = None


@dataclass(frozen=True)
class Mark:
    """Place where a bit width puts the weights.

    Attributes:
        bits: the width b.
        norm: |Q_b(W) - W|.
        coordinates: its projection on the axes, in weight units.
        share: the part of |Q_b(W) - W|^2 that lies in the slice.
        loss: measured with the weights quantized, wherever that is.
        stderr: standard error of ``loss`` minus the loss at the centre, paired over samples.
        predicted: the quadratic at Q_b(W) itself.
    """

    bits: int
    norm: float
    coordinates: tuple[float, ...]
    share: float
    loss: float
    stderr: float
    predicted: float


@dataclass(frozen=True, eq=False)
class Slice:
    """The loss on a line (dims = 1) or in a plane (dims = 2) through the trained weights.

    Attributes:
        study, block: of what; block None means all blocks.
        directions: ``eigen``, ``random`` or ``quantization``.
        radius: the coordinates run from -radius to radius, in weight units.
        samples: training samples the loss is the mean of.
        bits: the widths that span a quantization slice.
        seed: of the samples and of random directions.
        axes: one or two.
        cross: d_1 . H d_2; 0 on a line.
        coordinates: (P,), the same along both axes.
        loss: (P,) or (P, P), entry [i, j] at coordinates[i] of the first axis and [j] of the second; NaN where it
            was not measured yet, and NaN or infinite where it is.
        measured: the shape of ``loss``; whether it was measured.
        stderr: the shape of ``loss``; standard error of the loss minus that at the centre, paired over samples, as
            an estimate for the whole training split.
        predicted: the shape of ``loss``; L_0 + g . d + d . Hd / 2 with g and H on the same samples.
        centre_loss, centre_stderr: at the trained weights; here the error is that of the loss itself.
        marks: the bit widths; empty until they were measured.
        weights, weight_norm: how many weights move, and their norm.
        forwards: times the loss of all samples was asked for.
        equivalents: what that cost, in full forward passes over all samples.
        products: gradients and Hessian-vector products over all samples, those for the directions included.
        seconds: spent, earlier attempts included.
        note: in words: what was left out, what is not finite.
    """

    study: str
    block: str | None
    directions: Directions
    radius: float
    samples: int
    bits: tuple[int, ...]
    seed: int
    axes: tuple[Axis, ...]
    cross: float
    coordinates: np.ndarray
    loss: np.ndarray
    measured: np.ndarray
    stderr: np.ndarray
    predicted: np.ndarray
    centre_loss: float
    centre_stderr: float
    weights: int
    weight_norm: float
    marks: tuple[Mark, ...] = ()
    forwards: int = 0
    equivalents: float = 0.0
    products: int = 0
    seconds: float = 0.0
    note: str = ""

    @property
    def dims(self) -> int:
        """Number of axes, 1 or 2."""
        return len(self.axes)

    @property
    def points(self) -> int:
        """Points a side, P."""
        return len(self.coordinates)

    @property
    def complete(self) -> bool:
        """Whether every point was measured."""
        return bool(self.measured.all())

    @property
    def not_finite(self) -> int:
        """Measured points whose loss is NaN or infinite."""
        return int((self.measured & ~np.isfinite(self.loss)).sum())

    def to_json(self, *, points: bool = True) -> dict[str, Any]:
        """Plain data; losses may hold NaN and infinities, which strict JSON has not.

        Args:
            points: with what was measured on the grid.
        """
        record = {each.name: getattr(self, each.name) for each in fields(self)}
        arrays = {key: value.tolist() for key, value in record.items() if isinstance(value, np.ndarray)}
        axes, marks = [asdict(axis) for axis in self.axes], [asdict(mark) for mark in self.marks]
        for mark in marks:
            mark["coordinates"] = list(mark["coordinates"])
        record |= arrays | {"axes": axes, "marks": marks, "bits": list(self.bits)}
        return record if points else {key: value for key, value in record.items() if key not in _MEASURED}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "Slice":
        """Slice from what `to_json` gives, with or without points; null is read as NaN."""
        if "loss" not in record:
            nothing = np.full(np.shape(record["predicted"]), np.nan)
            record = {**record, "loss": nothing, "stderr": nothing, "measured": ~np.isnan(nothing)}
        numbers = ("coordinates", "loss", "stderr", "predicted")
        arrays = {key: np.array(record[key], dtype=np.float64) for key in numbers}
        axes = tuple(Axis(**axis) for axis in record["axes"])
        marks = tuple(
            Mark(**_numbers(mark) | {"coordinates": tuple(mark["coordinates"])}) for mark in record["marks"]
        )
        parts = {"measured": np.array(record["measured"], dtype=bool), "bits": tuple(record["bits"])}
        return cls(**{**record, **arrays, **parts, "axes": axes, "marks": marks})

    def with_points(self, points: "Mapping[str, Any]") -> "Slice":
        """Slice with more points measured: ``at`` (indices), ``loss`` and ``stderr``, one entry a point."""
        loss, stderr, measured = self.loss.copy(), self.stderr.copy(), self.measured.copy()
        for at, value, error in zip(points["at"], points["loss"], points["stderr"], strict=True):
            loss[tuple(at)] = math.nan if value is None else value
            stderr[tuple(at)] = math.nan if error is None else error
            measured[tuple(at)] = True
        return replace(self, loss=loss, stderr=stderr, measured=measured)


def _numbers(record: Mapping[str, Any]) -> dict[str, Any]:
    return {key: math.nan if value is None else value for key, value in record.items()}
