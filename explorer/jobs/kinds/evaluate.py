"""The run kind ``evaluate``: loss and accuracy of a plan without training, or of the FP32 network.

Parameters: ``plan`` (plan.json's content, or null for FP32) and ``split``.
"""

from typing import Any

from explorer import evaluation
from explorer.blocks import study_blocks
from explorer.jobs.loading import load_for
from explorer.plans import read_plan
from explorer.runs.context import RunContext


def run(context: RunContext) -> dict[str, Any]:
    """Measure on the whole split."""
    context.report(0.0, "loading the study")
    study = load_for(context.spec)
    parameters: dict[str, Any] = dict(context.spec.parameters)
    plan, blocks = None, study_blocks(study)
    if parameters.get("plan") is not None:
        partitions = (blocks, study_blocks(study, "module"))
        plan, blocks = read_plan(parameters["plan"], study=study, partitions=partitions)

    def progress(fraction: float) -> None:
        context.check_stop()
        context.report(fraction, "measuring")

    split = parameters.get("split", "test")
    return evaluation.evaluate(study, plan, blocks, split=split, progress=progress).to_json()
