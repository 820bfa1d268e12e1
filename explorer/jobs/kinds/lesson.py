"""Run kind ``lesson``: a long experiment of a lesson."""

from explorer.lessons.common import longs
from explorer.lessons.common.longs import LongResult
from explorer.questions import LessonQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: LessonQuestion, context: RunContext) -> LongResult:
    """Carry it out."""
    return longs.carry_out(study, question, context)
