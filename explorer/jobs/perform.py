"""Carrying out a claimed run: calling its kind's function and recording how that ended."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from explorer.errors import ExplorerError, RunError
from explorer.jobs import registry
from explorer.jobs.bounds import memory
from explorer.jobs.bounds.attempt import Bounds
from explorer.runs.context import RunContext
from explorer.runs.holding.patience import patiently
from explorer.runs.lease import Lease, LeaseLost
from explorer.runs.provenance import here
from explorer.runs.run import Run
from explorer.runs.store import Store
from explorer.watching import Stopped

if TYPE_CHECKING:
    from explorer.studies import Study

INTERRUPTED_PATIENCE = (
    3.0  # seconds that a person who pressed Ctrl-C waits for a database that cannot be used
)


def perform(
    store: Store,
    lease: Lease,
    context: RunContext,
    *,
    study: "Study | None" = None,
    alone: bool = False,
) -> Run:
    """Compute the run and return it done or cancelled. An exception is recorded, then raised on.

    Args:
        study: the study of the spec where it is loaded already; else it is loaded here.
        alone: whether this process works on nothing else, so that its memory is the run's and it may be ended.

    Raises:
        RunError: the run has left its bounds of time or memory, or asked the process to end.
    """
    with context.beating():
        bounds: Bounds | None = None
        try:
            bounds = Bounds(patiently(lambda: store.get(lease.run_id)), context, lease, alone=alone)
            context.at_each_beat(bounds.look)
            try:
                result = _computed(context, study)
            finally:
                if alone:
                    lease.measured(memory.peak())
            # A function that was asked to stop may have returned early with half a result.
            context.check_stop()
            lease.finish(result)
        except Stopped as stopped:
            if bounds is not None and bounds.reason is not None:
                lease.fail(bounds.reason)
                raise RunError(bounds.reason) from stopped
            lease.stopped()
        except KeyboardInterrupt as interrupt:
            if bounds is not None and bounds.reason is not None:
                lease.fail(bounds.reason)
                raise RunError(bounds.reason) from interrupt
            with suppress(LeaseLost):  # it may have come just after the end was recorded
                lease.stopped(INTERRUPTED_PATIENCE)
            raise
        except LeaseLost:
            raise
        except ExplorerError as error:
            lease.fail(str(error))
            raise
        except SystemExit as error:
            told = f"Its code asked the process to end (SystemExit: {error.code}) before it was done; take that out."
            lease.fail(told)
            raise RunError(told) from error
        except Exception as error:
            if memory.is_short(error):
                told = memory.sentence(context.spec.kind, _first_line(error))
                lease.fail(told)
                raise RunError(told) from error
            lease.fail(
                f"The computation met an unexpected error ({type(error).__name__}: {error}); "
                f"the full report is in {store.log_path(lease.run_id)}.",
            )
            raise
    return patiently(lambda: store.get(lease.run_id))


def _first_line(error: Exception) -> str:
    """What the exception says of itself, shortly."""
    told = f"{type(error).__name__}: {error}".strip(": ").splitlines()
    return told[0][:200].rstrip(".")


def _computed(context: RunContext, study: "Study | None") -> dict[str, Any]:
    kind = registry.kind(context.spec.kind)
    question = registry.question(context.spec)
    function = registry.function(context.spec.kind)
    if not kind.needs_study:
        context.begin(here(seed=context.spec.seed))
        found = function(question, context)
    else:
        from explorer.jobs import loading  # it imports torch

        if study is None:
            context.report(0.0, "loading the study")
            study = loading.load_for(context.spec, context.parts)
        loading.check_same(study, context.spec, context.parts)
        made_by = here(seed=context.spec.seed, device=str(study.device), files=study.origin.files)
        context.begin(made_by, study.parts)
        found = function(study, question, context)
    return found if isinstance(found, dict) else found.to_json()
