"""How much the steps of a network depend on one another: their Hessian, and interactions that need no derivative."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from explorer.lapq.diagnostics.curvature import (
    StepHessian,
    finite_difference_hessian,
    straight_through_hessian,
)
from explorer.lapq.diagnostics.given import steps_of
from explorer.lapq.diagnostics.separability import Separability, separability
from explorer.lapq.loss.keeping import Keeper
from explorer.lapq.loss.objective import Objective
from explorer.questions import LapqHessianQuestion, question_of
from explorer.questions.steps import Form
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Part, Watcher

_STEPS = 0.1  # of the progress


@dataclass(frozen=True, eq=False)
class Dependence:
    """Dependence of steps on one another.

    Attributes:
        calibration: images that the loss is a mean over.
        hessian: of the loss by the steps.
        separability: interactions of the steps; None where they were not asked for.
        evaluations, forward_equivalents: of the loss, and all work in full forward passes over all images.
    """

    study: str
    form: Form
    calibration: int
    hessian: StepHessian
    separability: Separability | None
    evaluations: int
    forward_equivalents: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        apart = self.separability
        parts = {
            "hessian": self.hessian.to_json(),
            "separability": None if apart is None else apart.to_json(),
        }
        return {**vars(self), **parts}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Dependence:
        """What `to_json` wrote."""
        apart = content["separability"]
        return cls(
            **{
                **content,
                "hessian": StepHessian.from_json(content["hessian"]),
                "separability": None if apart is None else Separability.from_json(apart),
            }
        )


def measure_dependence(
    study: Study,
    question: LapqHessianQuestion | None = None,
    *,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> Dependence:
    """Differentiate the loss by the steps, and quantize sites one by one and two by two.

    Args:
        question: what is asked; or its options one by one, see `LapqHessianQuestion`.
        watcher: keeps what was evaluated, which the same question goes on from.
        options: of the question.

    Raises:
        LapqError: an option is out of range, a step is missing, or nothing is left to quantize.
        Stopped: the watcher wished so.
    """
    asked = question_of(LapqHessianQuestion, question, options)
    keeper = Keeper(watcher)
    objective = Objective(study, asked, journal=keeper.journal, watcher=keeper)
    objective.phase = "hessian"
    keeper.report(0.01, "the steps of each p")
    steps = steps_of(objective, asked.steps)
    half = (1 + _STEPS) / 2 if asked.separability else 1.0
    differentiate = (
        finite_difference_hessian if asked.how == "finite-differences" else straight_through_hessian
    )
    hessian = differentiate(objective, steps, watcher=Part(keeper, _STEPS, half))
    apart = separability(objective, steps, watcher=Part(keeper, half, 1.0)) if asked.separability else None
    return Dependence(
        study=study.name,
        form=asked.form,
        calibration=len(objective.rows),
        hessian=hessian,
        separability=apart,
        evaluations=objective.evaluations,
        forward_equivalents=objective.forward_equivalents,
    )
