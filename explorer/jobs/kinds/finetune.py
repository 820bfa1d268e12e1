"""The run kind ``finetune``: quantization-aware training of a plan.

Asked by `questions.FinetuneQuestion`. Series: ``train`` and ``test``, points of epoch, loss and accuracy; ``method``,
points of epoch and what the method tells. Keeps the trained tensors under the names of the study's network, and beside
them what each weight is stored as (``<layer>.stored_weight.integers`` and so on, see `quantizers.stored`).
"""

from typing import Any

from explorer import qat
from explorer.plans import read_plan
from explorer.qat.record import TrainingRecord
from explorer.questions import FinetuneQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study

TRAINED = "trained"


def run(study: Study, question: FinetuneQuestion, context: RunContext) -> TrainingRecord:
    """Train, measure before and after, keep the weights."""
    options: dict[str, Any] = question.options()
    partitions = (study.blocks(), study.blocks("module"))
    plan, blocks = read_plan(options.pop("plan"), study=study, partitions=partitions)
    result = qat.finetune(study, plan, blocks, watcher=context, **options)
    trained = context.keep(TRAINED, result.network.state_dict())
    return TrainingRecord(result.before, result.after, trained, plan.to_json(), result.seconds)
