"""A finished training as a study's plan again, and its network from the tensors that it kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from explorer.errors import RunError
from explorer.jobs.telling.titles import question_of
from explorer.plans import Plan, read_plan
from explorer.qat.rebuilding import rebuilt
from explorer.qat.record import TrainingRecord
from explorer.questions import FinetuneQuestion

if TYPE_CHECKING:
    from torch import Tensor, nn

    from explorer.blocks import Block
    from explorer.runs import Run
    from explorer.studies import Study


@dataclass(frozen=True)
class TrainedPlan:
    """What was trained and how.

    Attributes:
        blocks: the partition that the plan names.
        kept: which candidate the training kept.
    """

    study: Study
    plan: Plan
    blocks: tuple[Block, ...]
    question: FinetuneQuestion
    kept: str

    def network(self, state: Mapping[str, Tensor]) -> nn.Module:
        """The network of these tensors, in its post-training form.

        Raises:
            RunError: the method or the network has changed since.
        """
        return rebuilt(self.study, self.plan, self.blocks, self.question, self.kept, state)


def trained_plan(study: Study, run: Run) -> TrainedPlan:
    """What a finished training of a study trained; the study may have had another name.

    Raises:
        RunError: it was asked for by another version of the project.
        PlanError: its plan is not one of this study.
    """
    question = question_of(run.spec)
    if not isinstance(question, FinetuneQuestion):
        raise RunError(
            "this training was asked for by another version, which had options that are not known here; train it again"
        )
    record = TrainingRecord.from_json(run.result or {})
    content = {**record.plan, "study": study.name}
    plan, blocks = read_plan(content, study=study, partitions=(study.blocks(), study.blocks("module")))
    return TrainedPlan(study, plan, tuple(blocks), question, record.kept)
