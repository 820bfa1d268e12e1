"""Run kind ``lapq_hessian``: derivatives of the loss by the steps, and how separable it is."""

from explorer.lapq.diagnostics.dependence import Dependence, measure_dependence
from explorer.questions import LapqHessianQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: LapqHessianQuestion, context: RunContext) -> Dependence:
    """Differentiate, and quantize sites one by one and two by two."""
    return measure_dependence(study, question, watcher=context)
