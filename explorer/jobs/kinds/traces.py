"""The run kind ``traces``: Hessian traces of every block, with their errors.

Options: those of `TracesQuestion`. Series ``blocks``: one point now and then with the estimate so far of every
block. Keeps the single draws, where the method has them, as the artifact ``draws``.

A run continues from the draws of a finished one that asked for a larger error and was equal in all else: the
draws depend on their number alone, so the figures are those that it would have reached from the start.
"""

from explorer.curvature import Kept, Traces, activation_traces, weight_traces
from explorer.questions import TracesQuestion
from explorer.runs.context import RunContext
from explorer.runs.run import Run
from explorer.studies import Study
from explorer.timing import Timed

DRAWS = "draws"


def run(study: Study, question: TracesQuestion, context: RunContext) -> Traces:
    """Estimate until every block's error is small enough, or the budget is used."""
    estimate = weight_traces if question.of == "weights" else activation_traces
    found = estimate(study, question, watcher=Timed(context), resume=_less_precise(question, context))
    if found.draws is not None:
        context.keep(DRAWS, found.draws.tensors())
    return found


def _less_precise(question: TracesQuestion, context: RunContext) -> Kept | None:
    """State at the end of the most precise of the runs that asked for a larger error."""

    def rel_se(run: Run) -> float:
        return TracesQuestion.from_parameters(run.spec.parameters).rel_se

    coarser = [
        run
        for run in context.relatives(but="rel_se")
        if run.result is not None and "state" in run.result and rel_se(run) > question.rel_se
    ]
    if not coarser:
        return None
    best = min(coarser, key=rel_se)
    found = Traces.from_json(best.result or {})
    draws = context.tensors_of(best, DRAWS)
    return (found if draws is None else found.with_draws(draws)).kept
