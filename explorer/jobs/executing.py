"""Having a spec computed now, in this process: what the command line does, with the same record as the app."""

import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from explorer.errors import ExplorerError, RunError
from explorer.jobs.perform import perform
from explorer.jobs.starting import advance, submitted
from explorer.runs.context import RunContext
from explorer.runs.database import Unavailable
from explorer.runs.keeping import private
from explorer.runs.run import Run
from explorer.runs.spec import RunSpec
from explorer.runs.store import Store

if TYPE_CHECKING:
    from explorer.studies import Study

POLL_SECONDS = 0.3


def execute(
    store: Store,
    spec: RunSpec,
    on_progress: Callable[[Run], None] | None = None,
    title: str = "",
    *,
    study: "Study | None" = None,
    time_limit: float | None = None,
    owner: str | None = None,
) -> Run:
    """The finished run of ``spec``: computed here unless it is done already, or at work elsewhere.

    A run at work elsewhere is waited for; if its worker is lost, or it had failed or been cancelled earlier,
    it goes on here from its last checkpoint. Raises what the computation raises, RunError where it failed
    elsewhere or was cancelled meanwhile. Interrupting (Ctrl-C) cancels the run if it works here.

    Args:
        study: the study of the spec where it is loaded already; else it is loaded when it is needed.
        owner: who asks for it.
        time_limit: seconds that this and every further attempt may work; by default as before, without a limit at
            first.
    """
    parts = None if study is None else study.parts
    run = submitted(store, spec, title, parts=parts, owner=owner, time_limit=time_limit)
    if run.resumable:
        run = store.resume(run.id)
    while run.status != "done":
        if run.status == "queued" and store.worker(run.id) is None:
            finished = _work(store, run, on_progress, study)
            if finished is not None:
                run = finished
                continue
        elif run.status == "lost":
            with suppress(RunError):  # someone else may have resumed it just now
                store.resume(run.id)
        elif run.status == "failed":
            raise RunError(run.error or f"Run {run.id} failed.")
        elif run.status == "cancelled":
            raise RunError(f"Run {run.id} was cancelled; ask again to go on from its last checkpoint.")
        else:
            with suppress(Unavailable):
                advance(store)
            if on_progress is not None:
                on_progress(run)
            time.sleep(POLL_SECONDS)
        run = store.get(run.id)
    return run


def _work(
    store: Store, run: Run, on_progress: Callable[[Run], None] | None, study: "Study | None"
) -> Run | None:
    try:
        lease = store.claim(run.id)
    except RunError:
        if store.get(run.id).status == "queued":
            raise
        return None  # someone was faster: wait for them
    stop = threading.Event()
    with _terminated(stop), _making_room(store):
        try:
            return perform(
                store, lease, RunContext(store, lease, on_progress=on_progress, stop=stop), study=study
            )
        except ExplorerError:
            raise
        except Exception:
            # The app shows this run too, and points to the log, where a worker's traceback would be.
            log = store.log_path(run.id)
            private.make_folder(log.parent)
            private.make_file(log)
            with log.open("a") as output:
                traceback.print_exc(file=output)
            raise


@contextmanager
def _making_room(store: Store) -> Iterator[None]:
    """Who works here takes a place, and whoever waits for it hears when it is free."""
    try:
        yield
    finally:
        with suppress(Unavailable):  # whoever looks next moves the queue on
            advance(store)


@contextmanager
def _terminated(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM ask the computation to stop, so that it leaves a run that can be resumed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda *_: stop.set())
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL if before is None else before)
