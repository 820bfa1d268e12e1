"""The run kind ``measure_frontier``: measured loss and accuracy of plans along a frontier, coarse to fine.

Options: those of `MeasureFrontierQuestion`. Series ``measured``: one point a plan, as in the result, FP32 first. Keeps
the losses of every plan and image as the artifact ``losses``, in the order in which they were measured, FP32 first.

A run that is interrupted goes on after the plans it has.
"""

from collections.abc import Mapping
from dataclasses import asdict

from torch import Tensor

from explorer.evaluation import PerSample
from explorer.evaluation.per_sample import stacked, unstacked
from explorer.plans.plan.plan import check_names
from explorer.proxy.along import SERIES, MeasuredFrontier, MeasuredPlan, measure_along
from explorer.questions import MeasureFrontierQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.timing import Timed

LOSSES = "losses"


def run(study: Study, question: MeasureFrontierQuestion, context: RunContext) -> MeasuredFrontier:
    """Measure plan after plan."""
    ladder = question.plans
    partitions = (study.blocks(), study.blocks("module"))
    blocks = max(partitions, key=lambda each: [block.name for block in each] == list(ladder.blocks))
    check_names(dict.fromkeys(ladder.blocks), blocks, study.name)
    saved = context.restore()
    known = {} if saved is None else dict(zip(saved.state["places"], unstacked(saved.tensors), strict=True))
    kept = known

    def on_plan(plan: MeasuredPlan, found: Mapping[int, PerSample]) -> None:
        nonlocal kept
        kept = dict(found)
        context.point(SERIES, asdict(plan))
        context.save(_tensors(kept), {"places": list(kept)})

    result = measure_along(
        study,
        blocks,
        ladder,
        points=question.points,
        samples=question.samples,
        split=question.split,
        known=known,
        on_plan=on_plan,
        watcher=Timed(context),
    )
    context.keep(LOSSES, _tensors(kept))
    return result


def _tensors(found: Mapping[int, PerSample]) -> dict[str, Tensor]:
    return stacked(list(found.values()))
