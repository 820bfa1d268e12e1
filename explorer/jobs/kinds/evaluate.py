"""The run kind ``evaluate``: loss and accuracy of a plan without training, or of the FP32 network.

Parameters: ``plan`` (plan.json's content, or null for FP32), ``split``, and ``deployed``: as it will be where it runs.
"""

from explorer.plans import PlanValue, evaluate_plan, read_plan
from explorer.questions import EvaluateQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: EvaluateQuestion, context: RunContext) -> PlanValue:
    """Measure on the whole split."""
    plan, blocks = None, study.blocks()
    if question.plan is not None:
        partitions = (blocks, study.blocks("module"))
        plan, blocks = read_plan(question.plan, study=study, partitions=partitions)

    def progress(fraction: float) -> None:
        context.check_stop()
        context.report(fraction, "measuring")

    return evaluate_plan(
        study, plan, blocks, split=question.split, deployed=question.deployed, progress=progress
    )
