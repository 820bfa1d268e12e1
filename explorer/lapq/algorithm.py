"""Loss Aware Post-training Quantization, whole (Nahshan, Chmiel, Baskin et al. 2019, Algorithm 1).

1. layer-wise: every tensor's step by itself, least L_p error (`layerwise`);
2. quadratic: the p whose steps have the least loss, with the help of a parabola (`quadratic`);
3. joint: all steps together (`joint`).

The loss is that of a fixed draw of training images (`objective`); the reference code draws from the images that it
reports on, which flatters. Every evaluation is journalled. The same arguments give the same steps to the bit, and so
does a computation that was stopped and goes on with its journal, on one machine with one number of threads.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.evaluation import measure
from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.keeping import Keeper
from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Objective
from explorer.lapq.phases.joint import METHODS
from explorer.lapq.phases.layerwise import layerwise_steps
from explorer.lapq.phases.quadratic import POINTS, PCurve, best_p
from explorer.lapq.result import LapqResult, Stage
from explorer.questions import LapqQuestion, question_of
from explorer.questions.steps import JointMethod
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

LAYERWISE_P = 2.0  # the paper's LW, the step of least squared error
_SHARES = {
    "layerwise": 0.0,
    "quadratic": 0.05,
    "joint": 0.2,
    "test": 0.95,
}  # of the progress, at their starts
_EXPECTED = {"powell": 55, "coordinate": 60, "gradient": 25}  # evaluations a site, for the progress


def optimise(
    study: Study,
    question: LapqQuestion | None = None,
    *,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> LapqResult:
    """Find the steps of a study's network.

    Args:
        question: what is asked; or its options one by one, see `LapqQuestion`. With ``plan``, a plan or the content
            of a plan.json, every tensor has the plan's width.
        watcher: told every p tried as series ``p_curve`` and every better set of steps as series ``path``; keeps the
            evaluations, which the same question goes on from.
        options: of the question.

    Raises:
        LapqError: an option is out of range, or nothing is left to quantize.
        PlanError: the plan does not fit the study.
        Stopped: the watcher wished so.
    """
    asked = question_of(LapqQuestion, question, options)
    started = time.monotonic()
    keeper = Keeper(watcher)
    objective = Objective(study, asked, journal=keeper.journal, watcher=keeper)
    work = _Work(study, objective, keeper)
    found = work.phases(asked.method, asked.seed)
    spent = found.trail.spent
    stages = {name: work.stage(name, steps) for name, steps in found.steps.items()}
    return LapqResult(
        study=study.name,
        w_bits=objective.w_bits,
        a_bits=objective.a_bits,
        calibration=len(objective.rows),
        form=asked.form,
        bias_correction=asked.bias_correction,
        method=asked.method,
        seed=asked.seed,
        sites=objective.sites,
        stages=stages,
        p_curve=found.curve,
        path=tuple(found.trail.path),
        evaluations=objective.evaluations,
        forward_equivalents=objective.forward_equivalents,
        joint_evaluations=spent[0],
        joint_equivalents=spent[1],
        seconds=time.monotonic() - started,
        widths=objective.widths,
    )


def best_steps(
    objective: Objective, *, method: JointMethod = "gradient", seed: int = 0, watcher: Watcher = UNWATCHED
) -> Array:
    """The steps at the end of the three phases, float32 (sites,), on calibration images alone.

    Args:
        method: of the joint phase.
        seed: of its draws.
        watcher: told how far it is, and every p and better set of steps as `optimise` tells them.

    Raises:
        Stopped: the objective's watcher asked for it.
    """
    return _Work(objective.study, objective, watcher).phases(method, seed).steps["joint"]


@dataclass(frozen=True, eq=False)
class _Phases:
    """Steps at the end of each phase, the curve of p, and the way of the joint phase."""

    steps: Mapping[str, Array]
    curve: PCurve
    trail: Trail


@dataclass
class _Work:
    """The phases with their progress."""

    study: Study
    objective: Objective
    watcher: Watcher
    _points: int = 0
    _evaluations: int = 0

    def phases(self, method: JointMethod, seed: int) -> _Phases:
        self.objective.phase = "layerwise"
        first = self.layerwise()
        self.objective.phase = "quadratic"
        curve, second = best_p(self.objective, on_point=self.p_point)
        self.objective.phase = "joint"
        trail = Trail(
            self.objective,
            second,
            on_better=lambda point: self.watcher.point("path", point.to_json()),
            on_evaluation=lambda: self.joint(_EXPECTED[method]),
        )
        METHODS[method](trail, seed)
        return _Phases({"layerwise": first, "quadratic": second, "joint": trail.best.steps}, curve, trail)

    def layerwise(self) -> Array:
        self.watcher.report(_SHARES["layerwise"], "every step by itself")
        steps = layerwise_steps(self.objective, LAYERWISE_P)
        self.objective.loss(steps)
        return steps

    def p_point(self, p: float, loss: float) -> None:
        self._points += 1
        begun, ends = _SHARES["quadratic"], _SHARES["joint"]
        share = min(1.0, self._points / (len(POINTS) + 1))
        self.watcher.report(begun + share * (ends - begun), f"loss {loss:.4f} at p = {p:.2f}")
        self.watcher.point("p_curve", {"p": p, "loss": loss})

    def joint(self, expected: int) -> None:
        self._evaluations += 1
        begun, ends = _SHARES["joint"], _SHARES["test"]
        # How many evaluations there will be is not known; a fraction that slows down is better than one that stops.
        share = 1 - np.exp(-2 * self._evaluations / (expected * len(self.objective.sites)))
        self.watcher.report(
            float(begun + share * (ends - begun)), f"{self._evaluations} evaluations of all steps together"
        )

    def stage(self, name: str, steps: Array) -> Stage:
        """What steps are worth on the test samples."""
        self.watcher.report(
            _SHARES["test"], f"test {self.study.noun.many} with the steps of the {name} phase"
        )
        calibration_loss = self.objective.loss(steps)
        self.objective.network.place(steps)
        found = measure(self.objective.network.model, self.study, check=self.objective.check)
        return Stage(
            calibration_loss=calibration_loss,
            loss=found.loss,
            loss_stderr=found.loss_stderr,
            accuracy=found.accuracy,
            accuracy_stderr=found.accuracy_stderr,
            steps=dict(zip(self.objective.names, map(float, steps), strict=True)),
        )
