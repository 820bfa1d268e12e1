"""The run kind ``lapq_hessian``: derivatives of the loss by the steps, and how separable it is.

Options: those of `LapqHessianQuestion`. ``steps``: site to step;
null for those of the quadratic phase. ``how``: ``straight-through`` or ``finite-differences``. ``separability``:
whether interactions are measured too. The checkpoint is the journal of evaluations.
"""

from typing import Any

from explorer.errors import LapqError
from explorer.jobs.journalled import Keeper
from explorer.jobs.kinds.lapq_sweep import steps_of
from explorer.lapq import Objective, best_p
from explorer.lapq.diagnostics.curvature import HOWS, finite_difference_hessian, straight_through_hessian
from explorer.lapq.diagnostics.separability import separability
from explorer.questions import LapqHessianQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study

_STEPS = 0.1  # of the progress


def run(study: Study, question: LapqHessianQuestion, context: RunContext) -> dict[str, Any]:
    """Differentiate, and quantize sites one by one and two by two."""
    asked: dict[str, Any] = question.options()
    if asked["how"] not in HOWS:
        raise LapqError(f"the Hessian cannot be had by {asked['how']!r}; use one of {', '.join(HOWS)}")
    keeper = Keeper(context)
    keys = ("w_bits", "a_bits", "calibration", "leave", "form", "bias_correction")
    objective = Objective(
        study,
        **{key: asked[key] for key in keys},
        seed=context.spec.seed,
        journal=keeper.journal,
        should_stop=keeper.should_stop,
    )
    objective.phase = "hessian"
    context.report(0.01, "the steps of each p")
    steps = best_p(objective)[1] if asked["steps"] is None else steps_of(objective, asked["steps"])
    half = (1 + _STEPS) / 2 if asked["separability"] else 1.0

    def differentiated(done: int, total: int) -> None:
        context.report(_STEPS + (half - _STEPS) * done / total, f"derivatives: {done} of {total}")

    def switched(done: int, total: int) -> None:
        context.report(half + (1 - half) * done / total, f"interactions: {done} of {total}")

    differentiate = straight_through_hessian
    if asked["how"] == "finite-differences":
        differentiate = finite_difference_hessian
    hessian = differentiate(objective, steps, tell=differentiated)
    apart = separability(objective, steps, tell=switched) if asked["separability"] else None
    return {
        "study": study.name,
        "form": asked["form"],
        "calibration": len(objective.rows),
        "hessian": hessian.to_json(),
        "separability": None if apart is None else apart.to_json(),
        "evaluations": objective.evaluations,
        "forward_equivalents": objective.forward_equivalents,
    }
