"""Run kind ``lapq_table``: methods of calibration side by side, its rows told as they come."""

from explorer.lapq.rivals.comparison import compare
from explorer.lapq.rivals.table import Comparison
from explorer.questions import LapqTableQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: LapqTableQuestion, context: RunContext) -> Comparison:
    """Measure row after row."""
    return compare(study, question, watcher=context)
