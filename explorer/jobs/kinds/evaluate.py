"""The run kind ``evaluate``: loss and accuracy of a plan without training, or of the FP32 network.

Parameters: ``plan`` (plan.json's content, or null for FP32) and ``split``.
"""

from typing import Any

from explorer.plans import evaluate_plan, read_plan
from explorer.questions import EvaluateQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: EvaluateQuestion, context: RunContext) -> dict[str, Any]:
    """Measure on the whole split."""
    parameters: dict[str, Any] = question.options()
    plan, blocks = None, study.blocks()
    if parameters.get("plan") is not None:
        partitions = (blocks, study.blocks("module"))
        plan, blocks = read_plan(parameters["plan"], study=study, partitions=partitions)

    def progress(fraction: float) -> None:
        context.check_stop()
        context.report(fraction, "measuring")

    split = parameters.get("split", "test")
    return evaluate_plan(study, plan, blocks, split=split, progress=progress).to_json()
