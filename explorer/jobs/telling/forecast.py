"""How long a training may take, from those of the same study that are done.

Time is taken for proportional to epochs and to the work of a step: that of a step of quantized training is 1, and what
a teacher adds is as measured on a residual network (docs/benchmarks-training.md). The median over known trainings is
used; those that came with the project, from another machine, only where there are no others.
"""

from collections.abc import Sequence
from statistics import median

from explorer.jobs.telling import finding, titles
from explorer.qat.record import TrainingRecord
from explorer.questions import FinetuneQuestion
from explorer.runs import Run

TEACHER, CHANNELS, NOISE = 0.25, 0.65, 0.05  # of a step of quantized training, added to it


def seconds(question: FinetuneQuestion, done: Sequence[Run]) -> float | None:
    """Of the training that is asked; None where no training of the study is done.

    Args:
        done: trainings of the study.
    """
    own: list[float] = []
    shipped: list[float] = []
    for run in done:
        asked = titles.question_of(run.spec)
        if run.status != "done" or run.result is None or not isinstance(asked, FinetuneQuestion):
            continue
        record = TrainingRecord.from_json(run.result)
        rate = record.seconds / ((record.epochs or asked.passes) * work(asked))
        (shipped if finding.is_shipped(run) else own).append(rate)
    rates = own or shipped
    return median(rates) * question.passes * work(question) if rates else None


def work(question: FinetuneQuestion) -> float:
    """Work of a step relative to quantized training without a teacher."""
    return 1 + TEACHER * question.taught + CHANNELS * (question.channels > 0) + NOISE * (question.noise > 0)
