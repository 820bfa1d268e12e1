r"""Curves of the paper: what happens along one number.

    error_curves        (mean |Q(x) - x|^p)^(1/p) of one tensor against its step, for several p           Fig. 4
    along_p             loss and accuracy against p, every step the L_p one, and the parabola             Figs. 3, 5b
    along_distance      loss against r, all steps at r Δ*                                                 Fig. 5a
    along_calibration   accuracy against the number of calibration images                                 Fig. B.2

(Nahshan et al. 2019.) Losses are of the calibration images unless they say test.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.errors import LapqError
from explorer.evaluation import Evaluation, measure
from explorer.lapq.loss.forms import Levels
from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Objective
from explorer.lapq.phases.layerwise import layerwise_steps
from explorer.lapq.phases.quadratic import POINTS, parabola, vertex_within
from explorer.quantizers.steps import lp
from explorer.randomness import Stream, drawn_values

CURVE_P = (0.5, 1.0, 2.0, 3.0)
P_RANGE: tuple[float, ...] = tuple(float(p) for p in np.linspace(1.0, 4.5, 15))
RATIOS: tuple[float, ...] = tuple(float(r) for r in np.linspace(0.8, 1.5, 29))
SIZES = (16, 32, 64, 128, 256, 512)
SAMPLE = 1 << 15  # values of a tensor that the error curves look at

Tell = Callable[[Mapping[str, Any]], None]  # each point as it is measured


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


def along_p(
    objective: Objective, *, powers: Sequence[float] = P_RANGE, tell: Tell | None = None
) -> dict[str, Any]:
    """``points`` of p, loss, test_loss, accuracy and errors; the parabola through phase 2's range and its vertex."""
    points = []
    for p in powers:
        steps = layerwise_steps(objective, p)
        loss = objective.loss(steps)
        points.append({"p": float(p), "loss": loss, **_on_test(objective, steps, f"p {p!r}")})
        if tell is not None:
            tell(points[-1])
    inside = [point for point in points if min(POINTS) <= point["p"] <= max(POINTS)]
    coefficients = parabola([point["p"] for point in inside], [point["loss"] for point in inside])
    vertex = vertex_within(coefficients, min(POINTS), max(POINTS))
    return {"points": points, "coefficients": list(coefficients), "vertex": vertex}


def along_distance(
    objective: Objective, steps: Array, *, ratios: Sequence[float] = RATIOS, tell: Tell | None = None
) -> dict[str, Any]:
    """``points`` of ratio, distance ‖rΔ* - Δ*‖ and loss."""
    steps = np.asarray(steps, np.float32)
    points = []
    for ratio in ratios:
        if not ratio > 0:
            raise LapqError(f"steps cannot be multiplied by {ratio:g}; give ratios above 0")
        distance = abs(ratio - 1) * float(np.linalg.norm(steps.astype(float)))
        points.append({"ratio": float(ratio), "distance": distance, "loss": objective.loss(ratio * steps)})
        if tell is not None:
            tell(points[-1])
    return {"points": points}


def along_calibration(
    make: Callable[[int, int], tuple[Objective, Array]],
    *,
    sizes: Sequence[int] = SIZES,
    seeds: Sequence[int] = (0, 1, 2),
    known: Sequence[Mapping[str, Any]] = (),
    tell: Tell | None = None,
) -> dict[str, Any]:
    """``points`` of size, seed, loss (of these images), test_loss and accuracy, for steps found with so many images.

    Args:
        make: finds steps from a number of images and a seed; the objective it found them with, and them.
        known: points of an earlier attempt, which are not measured again.
    """
    have = {(point["size"], point["seed"]): dict(point) for point in known}
    points = []
    for size in sizes:
        for seed in seeds:
            if (size, seed) not in have:
                objective, steps = make(size, seed)
                found = _on_test(objective, steps, "calibrated")
                have[size, seed] = {
                    "size": size,
                    "seed": seed,
                    "loss": objective.loss(steps),
                    **found,
                }
                if tell is not None:
                    tell(have[size, seed])
            points.append(have[size, seed])
    return {"points": points}


def on_test(objective: Objective, steps: Array) -> Evaluation:
    """Loss and accuracy on the test images with these steps."""
    objective.network.place(np.asarray(steps, np.float32))
    return measure(objective.network.model, objective.study, check=objective.check)


def _on_test(objective: Objective, steps: Array, name: str) -> dict[str, Any]:
    """As `on_test`, noted in the journal."""

    def make() -> Array:
        found = on_test(objective, steps)
        nan = float("nan")
        accuracy = (found.accuracy, found.accuracy_stderr)
        return np.array(
            [found.loss, found.loss_stderr, *(nan if each is None else each for each in accuracy)]
        )

    values = [float(each) for each in objective.journal.note(f"test {name}", make)]
    keys = ("test_loss", "test_loss_stderr", "accuracy", "accuracy_stderr")
    return {key: None if np.isnan(value) else value for key, value in zip(keys, values, strict=True)}
