"""The run kind ``traces``: Hessian traces of every block, with their errors.

Options: those of `TracesQuestion`. Series ``blocks``: one
point now and then with the estimate so far of every block. Keeps the single draws, where the method has them,
as the artifact ``draws``.

A run continues from the draws of a finished one that asked for a larger error and was equal in all else: the
draws depend on their number alone, so the figures are those that it would have reached from the start.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from torch import Tensor

from explorer import curvature
from explorer.curvature import Draws, Kept
from explorer.questions import TracesQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study

DRAWS = "draws"
RECORD_SECONDS = 1.5


def run(study: Study, question: TracesQuestion, context: RunContext) -> dict[str, Any]:
    """Estimate until every block's error is small enough, or the budget is used."""
    options: dict[str, Any] = question.options()
    of = options.pop("of", "weights")
    estimate = curvature.weight_traces if of == "weights" else curvature.activation_traces
    recorded = time.monotonic()

    def progress(now: curvature.TracesProgress) -> None:
        nonlocal recorded
        left = "" if now.seconds_left is None else f", about {max(1, round(now.seconds_left))} s left"
        context.report(now.fraction, f"{now.message}{left}")
        if now.blocks and now.kept is not None and time.monotonic() - recorded >= RECORD_SECONDS:
            recorded = time.monotonic()
            context.point("blocks", {"blocks": [asdict(block) for block in now.blocks]})
            context.save(_tensors(now.kept), now.kept.state)

    result = estimate(
        study,
        progress=progress,
        should_stop=context.should_stop,
        resume=_before(context),
        **options,
    )
    context.check_stop()
    record = result.to_json(full=True)
    if result.kept is not None:
        record["state"] = {key: value for key, value in result.kept.state.items() if key != "history"}
        if result.draws is not None:
            context.keep(DRAWS, result.draws.tensors())
    return record


def _tensors(kept: Kept) -> dict[str, Tensor]:
    return {} if kept.draws is None else kept.draws.tensors()


def _kept(state: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Kept:
    return Kept(state, Draws.from_tensors(tensors) if tensors else None)


def _before(context: RunContext) -> Kept | None:
    """What this run recorded when it was interrupted, or what a less precise one ended with."""
    saved = context.restore()
    if saved is not None:
        return _kept(saved.state, saved.tensors)

    def asked(parameters: Mapping[str, Any]) -> float:
        return float(parameters.get("rel_se", TracesQuestion.default("rel_se")))

    coarser = [
        run
        for run in context.relatives(but="rel_se")
        if run.result is not None
        and "state" in run.result
        and asked(run.spec.parameters) > asked(context.spec.parameters)
    ]
    if not coarser:
        return None
    best = min(coarser, key=lambda run: asked(run.spec.parameters))
    assert best.result is not None
    sha256 = best.artifacts.get(DRAWS)
    tensors = {} if sha256 is None else context.artifacts.get_tensors(sha256)
    return _kept({**best.result["state"], "history": best.result["history"]}, tensors)
