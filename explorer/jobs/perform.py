"""Carrying out a claimed run: calling its kind's function and recording how that ended."""

from contextlib import suppress

from explorer.errors import ExplorerError
from explorer.jobs import registry as kinds
from explorer.runs.context import RunContext, Stopped
from explorer.runs.run import Run
from explorer.runs.store import Lease, LeaseLost, Store


def perform(store: Store, lease: Lease, context: RunContext) -> Run:
    """Compute the run and return it done or cancelled. An exception is recorded, then raised on."""
    with context.beating():
        try:
            result = kinds.function(context.spec.kind)(context)
            # A function that was asked to stop may have returned early with half a result.
            context.check_stop()
            store.finish(lease, result)
        except Stopped:
            store.stopped(lease)
        except KeyboardInterrupt:
            with suppress(LeaseLost):  # it may have come just after the end was recorded
                store.stopped(lease)
            raise
        except LeaseLost:
            raise
        except ExplorerError as error:
            store.fail(lease, str(error))
            raise
        except Exception as error:
            store.fail(
                lease,
                f"The computation met an unexpected error ({type(error).__name__}: {error}); "
                f"the full report is in {store.log_path(lease.run_id)}.",
            )
            raise
    return store.get(lease.run_id)
