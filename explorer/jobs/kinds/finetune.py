"""The run kind ``finetune``: quantization-aware training of a plan.

Parameters: ``plan`` (plan.json's content), ``method``, ``epochs``, ``batch_size``, ``learning_rate``; the seed is
the spec's. Series: ``train`` and ``test``, points of epoch, loss and accuracy. Keeps the trained tensors.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from explorer import qat
from explorer.blocks import study_blocks
from explorer.plans import read_plan
from explorer.questions import FinetuneQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study

TRAINED = "trained"


class _Watching:
    """A run's context as the training loop's observer."""

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self.point = context.point
        self.report = context.report
        self.check_stop = context.check_stop

    def save(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        self._context.save(tensors, state)

    def restore(self) -> tuple[Mapping[str, Tensor], Mapping[str, Any]] | None:
        saved = self._context.restore()
        return None if saved is None else (saved.tensors, saved.state)


def run(study: Study, question: FinetuneQuestion, context: RunContext) -> dict[str, Any]:
    """Train, measure before and after, keep the weights."""
    options: dict[str, Any] = question.options()
    partitions = (study_blocks(study), study_blocks(study, "module"))
    plan, blocks = read_plan(options.pop("plan"), study=study, partitions=partitions)
    result = qat.finetune(study, plan, blocks, observer=_Watching(context), **options)
    trained = context.keep(TRAINED, result.network.state_dict())
    return {
        "before": result.before.to_json(),
        "after": result.after.to_json(),
        "weights_artifact": trained,
        "plan": plan.to_json(),
        "seconds": result.seconds,
    }
