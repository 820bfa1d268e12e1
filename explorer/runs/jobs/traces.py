"""The run kind ``traces``: Hessian traces of every block, with their errors.

Parameters: ``of``, ``method``, ``granularity``, ``samples`` and ``rel_se``; the seed is the spec's. Series
``blocks``: one point now and then with the estimate so far of every block.
"""

from typing import Any

from explorer import curvature
from explorer.runs.context import RunContext
from explorer.runs.jobs.loading import load_for


def run(context: RunContext) -> dict[str, Any]:
    """Estimate until every block's error is small enough, or the budget is used."""
    context.report(0.0, "loading the study")
    study = load_for(context.spec)
    options: dict[str, Any] = dict(context.spec.parameters)
    of = options.pop("of", "weights")
    estimate = curvature.weight_traces if of == "weights" else curvature.activation_traces

    def progress(now: curvature.TracesProgress) -> None:
        context.check_stop()
        context.report(now.fraction, now.message)
        context.append("blocks", {"blocks": [vars(block) for block in now.blocks]})

    return estimate(study, seed=context.spec.seed, progress=progress, **options).to_json()
