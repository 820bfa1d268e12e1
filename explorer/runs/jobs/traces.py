"""The run kind ``traces``: Hessian traces of every block, with their errors.

Parameters: ``of``, ``method``, ``granularity``, ``samples`` and ``rel_se``; the seed is the spec's. Series
``blocks``: one point now and then with the estimate so far of every block.
"""

import time
from dataclasses import asdict
from typing import Any

from explorer import curvature
from explorer.runs.context import RunContext
from explorer.runs.jobs.loading import load_for

RECORD_SECONDS = 1.5


def run(context: RunContext) -> dict[str, Any]:
    """Estimate until every block's error is small enough, or the budget is used."""
    context.report(0.0, "loading the study")
    study = load_for(context.spec)
    options: dict[str, Any] = dict(context.spec.parameters)
    of = options.pop("of", "weights")
    estimate = curvature.weight_traces if of == "weights" else curvature.activation_traces

    saved = context.last_checkpoint()
    recorded = time.monotonic()

    def progress(now: curvature.TracesProgress) -> None:
        nonlocal recorded
        context.report(now.fraction, now.message)
        if now.blocks and time.monotonic() - recorded >= RECORD_SECONDS:
            recorded = time.monotonic()
            context.append("blocks", {"blocks": [asdict(block) for block in now.blocks]})
            context.checkpoint({}, now.state)

    result = estimate(
        study,
        seed=context.spec.seed,
        progress=progress,
        should_stop=context.should_stop,
        resume_state=None if saved is None else saved.state,
        **options,
    )
    context.check_stop()
    record = result.to_json(full=True)
    record.pop("state")
    return record
