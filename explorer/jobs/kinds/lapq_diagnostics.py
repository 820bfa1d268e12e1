"""Run kinds ``lapq_surface``, ``lapq_sweep`` and ``lapq_hessian``: how the loss depends on the step sizes."""

from explorer.lapq.diagnostics.dependence import Dependence, measure_dependence
from explorer.lapq.diagnostics.surfaces import Surface, measure_surface
from explorer.lapq.diagnostics.sweeping import SweepResult, measure_sweep
from explorer.questions import LapqHessianQuestion, LapqSurfaceQuestion, LapqSweepQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.timing import Timed


def surface(study: Study, question: LapqSurfaceQuestion, context: RunContext) -> Surface:
    """The loss over two step sizes: every point that an earlier attempt did not measure."""
    return measure_surface(study, question, watcher=Timed(context))


def sweep(study: Study, question: LapqSweepQuestion, context: RunContext) -> SweepResult:
    """One of the curves of `explorer.lapq.diagnostics.sweeps`, told point by point."""
    return measure_sweep(study, question, watcher=context)


def hessian(study: Study, question: LapqHessianQuestion, context: RunContext) -> Dependence:
    """Derivatives of the loss by the steps, and how separable it is: sites one by one and two by two."""
    return measure_dependence(study, question, watcher=context)
