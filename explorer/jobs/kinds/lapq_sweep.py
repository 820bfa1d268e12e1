"""Run kind ``lapq_sweep``: one of the curves of `explorer.lapq.diagnostics.sweeps`, told point by point."""

from explorer.lapq.diagnostics.sweeping import SweepResult, measure_sweep
from explorer.questions import LapqSweepQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: LapqSweepQuestion, context: RunContext) -> SweepResult:
    """Measure the curve."""
    return measure_sweep(study, question, watcher=context)
