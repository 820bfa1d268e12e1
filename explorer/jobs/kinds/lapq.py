"""Run kind ``lapq``: step sizes by LAPQ, its phases told as they arrive."""

from explorer import lapq
from explorer.lapq import LapqResult
from explorer.questions import LapqQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: LapqQuestion, context: RunContext) -> LapqResult:
    """Go through the phases."""
    return lapq.optimise(study, question, watcher=context)
