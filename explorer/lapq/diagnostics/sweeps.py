r"""Curves of the paper: what happens along one number.

    error_curves        (mean |Q(x) - x|^p)^(1/p) of one tensor against its step, for several p           Fig. 4
    along_p             loss and accuracy against p, every step the L_p one, and the parabola             Figs. 3, 5b
    along_distance      loss against r, all steps at r Δ*                                                 Fig. 5a
    along_calibration   accuracy against the number of calibration images                                 Fig. B.2

(Nahshan et al. 2019.) Losses are of the calibration images unless they say test.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.errors import LapqError
from explorer.evaluation import Evaluation, measure
from explorer.lapq.loss.forms import Levels
from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.journal import Journal
from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Objective
from explorer.lapq.phases.joint import METHODS
from explorer.lapq.phases.layerwise import layerwise_steps
from explorer.lapq.phases.quadratic import POINTS, best_p, parabola, vertex_within
from explorer.quantizers.steps import lp
from explorer.questions import LapqSweepQuestion
from explorer.questions.steps import JointMethod
from explorer.randomness import Stream, drawn_values
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

CURVE_P = (0.5, 1.0, 2.0, 3.0)
P_RANGE: tuple[float, ...] = tuple(float(p) for p in np.linspace(1.0, 4.5, 15))
RATIOS: tuple[float, ...] = tuple(float(r) for r in np.linspace(0.8, 1.5, 29))
SAMPLE = 1 << 15  # values of a tensor that the error curves look at


@dataclass(frozen=True, eq=False)
class ErrorCurves:
    """Quantization error of one tensor.

    Attributes:
        p: the powers.
        steps: (P,), ascending.
        errors: (len(p), P), (mean |Q(x) - x|^p)^(1/p), in the tensor's units.
        best: the step of least error for each p, found finer than on the grid.
    """

    p: tuple[float, ...]
    steps: Array
    errors: Array
    best: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "p": list(self.p),
            "steps": self.steps.tolist(),
            "errors": self.errors.tolist(),
            "best": list(self.best),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ErrorCurves:
        """What `to_json` wrote."""
        steps, errors = np.array(content["steps"]), np.array(content["errors"])
        return cls(tuple(content["p"]), steps, errors, tuple(content["best"]))


def error_curves(
    x: Tensor, levels: Levels, *, powers: Sequence[float] = CURVE_P, points: int = 121
) -> ErrorCurves:
    """The error of quantizing x, from a fortieth of the min-max step up to that step."""
    rows = drawn_values(x.detach().reshape(1, -1), SAMPLE, Stream.TENSOR_VALUES)
    low, high = (float(each) for each in rows.aminmax())
    most = rows.new_tensor([levels.covering(low, high)])
    steps = torch.linspace(1 / 40, 1, points, dtype=rows.dtype)[:, None] * most
    errors = [
        lp.mean_errors(rows, levels.quantize, steps, lp.check_p(p))[:, 0].pow(1 / p).numpy() for p in powers
    ]
    best = [float(lp.minimise_error(rows, levels.quantize, most, p)) for p in powers]
    return ErrorCurves(tuple(powers), steps[:, 0].double().numpy(), np.array(errors), tuple(best))


def site_tensor(objective: Objective, name: str) -> Tensor:
    """The FP32 weight, or the input of the FP32 network's layer on the first calibration batch."""
    index = objective.index(name)
    site = objective.sites[index]
    if site.kind == "weight":
        return objective.network.original(index)
    seen: list[Tensor] = []
    model = objective.study.model()

    def watch(_: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        seen.append((args[0] if args else kwargs["input"]).detach().clone())

    handle = model.get_submodule(site.layer).register_forward_pre_hook(watch, with_kwargs=True)
    try:
        with torch.no_grad():
            model(objective.batches[0][0])
    finally:
        handle.remove()
    return torch.cat([each.flatten() for each in seen])


@dataclass(frozen=True)
class OnTest:
    """Value of steps on the test images, with standard errors; no accuracy where there are no classes."""

    test_loss: float
    test_loss_stderr: float
    accuracy: float | None
    accuracy_stderr: float | None


@dataclass(frozen=True)
class PPoint(OnTest):
    """One p: the loss of the calibration images, and the value on the test images."""

    p: float
    loss: float


@dataclass(frozen=True)
class AlongP:
    """Loss against p.

    Attributes:
        coefficients: of the parabola through phase 2's range of p, highest power first; () with fewer than three
            points.
        vertex: p of its minimum; None where it is not trusted.
    """

    points: tuple[PPoint, ...]
    coefficients: tuple[float, ...]
    vertex: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), **_points(self.points), "coefficients": list(self.coefficients)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> AlongP:
        """What `to_json` wrote."""
        points = tuple(PPoint(**point) for point in content["points"])
        return cls(points, tuple(content["coefficients"]), content["vertex"])


@dataclass(frozen=True)
class DistancePoint:
    """One common factor of all steps: it, the distance ‖rΔ* - Δ*‖ and the loss there."""

    ratio: float
    distance: float
    loss: float


@dataclass(frozen=True)
class AlongDistance:
    """Loss against a common factor of all steps.

    Attributes:
        steps: site to step where the factor is 1.
    """

    points: tuple[DistancePoint, ...]
    steps: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**_points(self.points), "steps": dict(self.steps)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> AlongDistance:
        """What `to_json` wrote."""
        return cls(tuple(DistancePoint(**point) for point in content["points"]), content["steps"])


@dataclass(frozen=True)
class CalibrationPoint(OnTest):
    """One draw of calibration images: their number, its seed, and the loss on them of the steps found with them."""

    size: int
    seed: int
    loss: float


@dataclass(frozen=True)
class AlongCalibration:
    """Value of steps against the number of calibration images.

    Attributes:
        method: of the joint phase; None for steps of the best p.
    """

    points: tuple[CalibrationPoint, ...]
    method: JointMethod | None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**_points(self.points), "method": self.method}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> AlongCalibration:
        """What `to_json` wrote."""
        return cls(tuple(CalibrationPoint(**point) for point in content["points"]), content["method"])


def along_p(
    objective: Objective, *, powers: Sequence[float] = P_RANGE, watcher: Watcher = UNWATCHED
) -> AlongP:
    """Loss and accuracy of the steps of each p, and the parabola through phase 2's range."""
    points = []
    for p in powers:
        steps = layerwise_steps(objective, p)
        loss = objective.loss(steps)
        points.append(PPoint(p=float(p), loss=loss, **_on_test(objective, steps, f"p {p!r}")))
        _tell(watcher, points[-1], len(points), len(powers))
    inside = [point for point in points if min(POINTS) <= point.p <= max(POINTS)]
    coefficients = parabola([point.p for point in inside], [point.loss for point in inside])
    vertex = vertex_within(coefficients, min(POINTS), max(POINTS))
    return AlongP(tuple(points), coefficients, vertex)


def along_distance(
    objective: Objective, steps: Array, *, ratios: Sequence[float] = RATIOS, watcher: Watcher = UNWATCHED
) -> AlongDistance:
    """Loss with all steps multiplied by each of the ratios."""
    steps = np.asarray(steps, np.float32)
    points = []
    for ratio in ratios:
        if not ratio > 0:
            raise LapqError(f"steps cannot be multiplied by {ratio:g}; give ratios above 0")
        distance = abs(ratio - 1) * float(np.linalg.norm(steps.astype(float)))
        points.append(DistancePoint(float(ratio), distance, objective.loss(ratio * steps)))
        _tell(watcher, points[-1], len(points), len(ratios))
    return AlongDistance(tuple(points), dict(zip(objective.names, map(float, steps), strict=True)))


def along_calibration(
    study: Study, asked: LapqSweepQuestion, *, journal: Journal | None = None, watcher: Watcher = UNWATCHED
) -> AlongCalibration:
    """Loss and accuracy of steps found with each number of images and each seed.

    A size beyond that of the training split is that size.

    Args:
        journal: notes every point, which is then not measured again.
    """
    journal = Journal() if journal is None else journal
    most = study.data.size("train")
    sizes = dict.fromkeys(min(size, most) for size in asked.sizes)
    draws = [(size, seed) for size in sizes for seed in asked.seeds]
    points = []
    for size, seed in draws:

        def measure(size: int = size, seed: int = seed) -> Array:
            objective = Objective(study, asked.of_loss(calibration=size, seed=seed), watcher=watcher)
            _, steps = best_p(objective)
            if asked.method is not None:
                trail = Trail(objective, steps)
                METHODS[asked.method](trail, seed)
                steps = trail.best.steps
            return np.array([objective.loss(steps), *_test_values(objective, steps)])

        loss, *values = (float(each) for each in journal.note(f"calibration {size} {seed}", measure))
        points.append(CalibrationPoint(size=size, seed=seed, loss=loss, **_named(values)))
        _tell(watcher, points[-1], len(points), len(draws))
    return AlongCalibration(tuple(points), asked.method)


def _tell(watcher: Watcher, point: Any, done: int, total: int) -> None:
    watcher.point("points", _plain(point))
    watcher.report(done / total, f"{done} of {total} points")


def _plain(point: Any) -> dict[str, Any]:
    """Fields of a point, its own before those of the test images."""
    names = {each.name for each in fields(OnTest)}
    return dict(sorted(vars(point).items(), key=lambda item: item[0] in names))


def _points(points: Sequence[Any]) -> dict[str, Any]:
    return {"points": [_plain(point) for point in points]}


def on_test(objective: Objective, steps: Array) -> Evaluation:
    """Loss and accuracy on the test images with these steps."""
    objective.network.place(np.asarray(steps, np.float32))
    return measure(objective.network.model, objective.study, check=objective.check)


def _on_test(objective: Objective, steps: Array, name: str) -> dict[str, Any]:
    """Value on the test images by name of its field, noted in the journal."""
    return _named(objective.journal.note(f"test {name}", lambda: _test_values(objective, steps)))


def _test_values(objective: Objective, steps: Array) -> Array:
    """Loss, accuracy and errors on the test images; NaN where there is no accuracy."""
    found = on_test(objective, steps)
    values = (found.loss, found.loss_stderr, found.accuracy, found.accuracy_stderr)
    return np.array([np.nan if value is None else value for value in values])


def _named(values: Iterable[float]) -> dict[str, Any]:
    names = [each.name for each in fields(OnTest)]
    return {
        name: None if np.isnan(value) else float(value) for name, value in zip(names, values, strict=True)
    }
