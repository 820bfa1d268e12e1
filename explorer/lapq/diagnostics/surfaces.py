r"""The loss over two step sizes, all others fixed (Nahshan et al. 2019, Figs. 1, 2 and 6).

    L(Δ_1, Δ_2)     on a grid, beside the L_p points, the point of the quadratic fit, the way of Powell's method among
                    these two steps, and where it ends

*Others* are in FP32, as in the paper's figures (``float``), or quantized with the steps of the quadratic phase
(``quantized``).

The grid is measured coarse to fine, each level row by row with the later site inside, so that of every point only
what comes after the first changed site is computed (`prefixes`).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.optimize import minimize

from explorer.lapq.loss.keeping import Keeper
from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Objective
from explorer.lapq.phases.layerwise import layerwise_steps
from explorer.lapq.phases.quadratic import best_p
from explorer.questions import LapqSurfaceQuestion, question_of
from explorer.questions.steps import Form, Others
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Every, Watcher

MARKED_P = (1.0, 1.5, 2.0, 2.5, 3.0)  # the paper's figure
AROUND = (0.5, 1.6)  # of the least and the largest step that is marked
_ITERATIONS = 3  # of Powell's method
_SETUP = 0.15  # of the progress
RECORD_SECONDS = 1.0  # between points that are told


@dataclass(frozen=True)
class SurfaceMark:
    """A point of interest: ``lp`` with its p, ``quadratic`` with p*, or ``optimum``."""

    kind: Literal["lp", "quadratic", "optimum"]
    steps: tuple[float, float]
    loss: float
    p: float | None = None


@dataclass(frozen=True, eq=False)
class Surface:
    """The loss over two steps.

    Attributes:
        sites: names of the two.
        w_bits, a_bits: of all quantized tensors; None where a plan gave the widths.
        others: whether all others are in FP32.
        calibration: images that the loss is a mean over.
        reaches: clip over step, of each.
        axes: the steps of each, (P,), ascending.
        loss: (P, P), entry [i, j] at axes[0][i] and axes[1][j]; NaN where it was not measured yet.
        marks: what is drawn on it.
        path: Powell's way, (steps, loss) of every point that was better than all before.
        evaluations, forward_equivalents: of the loss so far, and their work in full forward passes over all images.
        seconds: spent, in this process.
    """

    study: str
    sites: tuple[str, str]
    w_bits: int | None
    a_bits: int | None
    form: Form
    others: Others
    calibration: int
    seed: int
    reaches: tuple[float, float]
    axes: tuple[Array, Array]
    loss: Array
    marks: tuple[SurfaceMark, ...]
    path: tuple[tuple[tuple[float, float], float], ...]
    evaluations: int
    forward_equivalents: float
    seconds: float

    @property
    def measured(self) -> int:
        """How many points are."""
        return int((~np.isnan(self.loss)).sum())

    def with_points(self, points: Mapping[str, Any]) -> Surface:
        """The surface with ``loss`` at the index pairs ``at``."""
        loss = self.loss.copy()
        for at, value in zip(points["at"], points["loss"], strict=True):
            loss[tuple(at)] = value
        return replace(self, loss=loss)

    def to_json(self, *, points: bool = True) -> dict[str, Any]:
        """Plain data; without the losses if they come later."""
        loss = self.loss if points else np.full_like(self.loss, np.nan)
        return {
            **vars(self),
            "axes": [axis.tolist() for axis in self.axes],
            "loss": loss.tolist(),
            "marks": [{**vars(mark), "steps": list(mark.steps)} for mark in self.marks],
            "path": [[list(steps), value] for steps, value in self.path],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Surface:
        """What `to_json` wrote."""
        marks = [SurfaceMark(**{**mark, "steps": tuple(mark["steps"])}) for mark in content["marks"]]
        return cls(
            **{
                **content,
                "sites": tuple(content["sites"]),
                "reaches": tuple(content["reaches"]),
                "axes": tuple(np.array(axis) for axis in content["axes"]),
                "loss": np.array(content["loss"], float),
                "marks": tuple(marks),
                "path": tuple(((a, b), value) for (a, b), value in content["path"]),
            }
        )


def measure_surface(
    study: Study,
    question: LapqSurfaceQuestion | None = None,
    *,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> Surface:
    """Measure it.

    Args:
        question: what is asked; or its options one by one, see `LapqSurfaceQuestion`. Its sites have names such as
            ``layer1.0.conv1.input`` or ``fc.weight``.
        watcher: told the surface without its points as series ``surface``, once its marks are known, and then as
            series ``points`` what was measured since the point before, as `Surface.with_points` takes it; keeps the
            evaluations, which the same question goes on from.
        options: of the question.

    Raises:
        LapqError: there are no such two sites at these widths, or an option is out of range.
        Stopped: the watcher wished so.
    """
    asked = question_of(LapqSurfaceQuestion, question, options)
    started = time.monotonic()
    keeper = Keeper(watcher)
    pair, alone = (asked.first, asked.second), asked.others == "float"
    objective = Objective(
        study,
        asked.of_every_layer() if alone else asked.of_loss(),
        only=pair if alone else None,
        journal=keeper.journal,
        watcher=keeper,
    )
    objective.phase = "surface"
    keeper.report(0.0, "the steps of each p")
    curve, base = best_p(objective)
    plane = _Plane(objective, base, *map(objective.index, pair))
    marks = [plane.mark("lp", layerwise_steps(objective, p), p) for p in MARKED_P]
    marks.append(plane.mark("quadratic", base, curve.best_p))
    keeper.report(_SETUP / 2, "Powell's method among the two steps")
    path = plane.powell()
    marks.append(SurfaceMark("optimum", *path[-1]))
    points = asked.points
    surface = Surface(
        study=study.name,
        sites=pair,
        w_bits=objective.w_bits,
        a_bits=objective.a_bits,
        form=asked.form,
        others=asked.others,
        calibration=len(objective.rows),
        seed=asked.seed,
        reaches=plane.reaches,
        axes=(_axis(0, marks, points), _axis(1, marks, points)),
        loss=np.full((points, points), np.nan),
        marks=tuple(marks),
        path=tuple(path),
        evaluations=objective.evaluations,
        forward_equivalents=objective.forward_equivalents,
        seconds=time.monotonic() - started,
    )
    keeper.point("surface", surface.to_json(points=False))
    return replace(
        surface.with_points(_measured(plane, surface, keeper)),
        evaluations=objective.evaluations,
        forward_equivalents=objective.forward_equivalents,
        seconds=time.monotonic() - started,
    )


def _measured(plane: _Plane, surface: Surface, keeper: Keeper) -> dict[str, list[Any]]:
    """Every point of the grid, told a few at a time."""
    points = len(surface.axes[0])
    found, fresh = _points(), _points()
    telling = Every(RECORD_SECONDS)
    for done, at in enumerate(order(points, second_inside=plane.second_later), start=1):
        value = plane.loss((float(surface.axes[0][at[0]]), float(surface.axes[1][at[1]])))
        for some in (found, fresh) if keeper.is_new("points") else (found,):
            some["at"].append(list(at))
            some["loss"].append(value)
        keeper.report(_SETUP + (1 - _SETUP) * done / points**2, f"{done:,} of {points**2:,} points")
        if fresh["at"] and (telling.due() or done == points**2):
            keeper.tell("points", fresh, points=len(fresh["at"]))
            fresh = _points()
    return found


def _points() -> dict[str, list[Any]]:
    return {"at": [], "loss": []}


def order(points: int, *, second_inside: bool = True) -> Iterator[tuple[int, int]]:
    """The points of a square grid coarse to fine, each once; each level row by row.

    >>> [at for at in order(5)][:4]
    [(0, 0), (0, 4), (4, 0), (4, 4)]
    """
    stride = 1 << (points - 1).bit_length()
    seen = np.zeros((points, points), bool)
    while stride:
        side = sorted({*range(0, points, stride), points - 1})
        for outer in side:
            for inner in side:
                if not seen[outer, inner]:
                    seen[outer, inner] = True
                    yield (outer, inner) if second_inside else (inner, outer)
        stride //= 2


class _Plane:
    """The loss over two steps, at fixed others."""

    def __init__(self, objective: Objective, base: Array, first: int, second: int) -> None:
        self._objective, self._base, self._at = objective, base, (first, second)
        self.second_later = second > first
        reaches = [objective.sites[i].levels.reach for i in self._at]
        self.reaches = (reaches[0], reaches[1])

    def loss(self, pair: tuple[float, float]) -> float:
        steps = self._base.copy()
        steps[list(self._at)] = pair
        return self._objective.loss(steps)

    def mark(self, kind: Literal["lp", "quadratic"], steps: Array, p: float) -> SurfaceMark:
        pair = (float(steps[self._at[0]]), float(steps[self._at[1]]))
        return SurfaceMark(kind, pair, self.loss(pair), p)

    def powell(self) -> list[tuple[tuple[float, float], float]]:
        """As the joint phase runs it, on the clips."""
        reaches = np.array(self.reaches)
        start = (float(self._base[self._at[0]]), float(self._base[self._at[1]]))
        path = [(start, self.loss(start))]

        def loss(clips: Array) -> float:
            one, other = clips / reaches
            value = self.loss((float(one), float(other)))
            if value < path[-1][1]:
                path.append(((float(np.float32(one)), float(np.float32(other))), value))
            return value

        with np.errstate(invalid="ignore"):  # Brent's parabola through a loss of infinity
            minimize(loss, np.array(start) * reaches, method="Powell", options={"maxiter": _ITERATIONS})
        return path


def _axis(which: int, marks: list[SurfaceMark], points: int) -> Array:
    steps = [mark.steps[which] for mark in marks]
    return np.linspace(AROUND[0] * min(steps), AROUND[1] * max(steps), points)
