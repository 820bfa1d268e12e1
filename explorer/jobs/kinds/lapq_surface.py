"""Run kind ``lapq_surface``: the loss over two step sizes, told as `measure_surface` does."""

from explorer.lapq.diagnostics.surfaces import Surface, measure_surface
from explorer.questions import LapqSurfaceQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.timing import Timed


def run(study: Study, question: LapqSurfaceQuestion, context: RunContext) -> Surface:
    """Measure every point that an earlier attempt did not."""
    return measure_surface(study, question, watcher=Timed(context))
