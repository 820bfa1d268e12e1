"""Having a spec worked on by a worker of its own: the one way in which the app begins, resumes and stops runs.

At most so many work at once on this machine (`explorer.jobs.queue.room`); the others wait, and say for how many.
Stopping is first a wish recorded in the store, which the worker hears within a second or two; the launcher ends those
that do not.
"""

from collections.abc import Mapping

from explorer.errors import RunError, cut
from explorer.jobs import registry
from explorer.jobs.launching.launcher import Launcher
from explorer.jobs.launching.local import LocalLauncher
from explorer.jobs.queue import advancing
from explorer.jobs.telling import titles
from explorer.runs.run import Run
from explorer.runs.spec import RunSpec
from explorer.runs.store import Store

HERE = LocalLauncher()
LONGEST_TITLE = 120  # characters


def request(
    store: Store,
    spec: RunSpec,
    title: str = "",
    *,
    parts: Mapping[str, str] | None = None,
    owner: str | None = None,
    priority: int | None = None,
    time_limit: float | None = None,
    launcher: Launcher = HERE,
) -> Run:
    """Submit ``spec`` and see to it that someone works on it if it is new; the run as it then is.

    Args:
        title: by default what is computed, on which study, with which settings.
        parts: of the study, as `Store.submit` takes them.
        owner: who asks for it; places are shared fairly between people.
        priority: of the runs that wait, the higher goes first; by default the urgency of the kind.
        time_limit: seconds that every attempt from now on may work; by default what EXPLORER_TIME_LIMIT says.
    """
    run = submitted(store, spec, title, parts=parts, owner=owner, priority=priority, time_limit=time_limit)
    if run.status == "queued":
        launch(store, run.id, launcher=launcher)
        run = store.get(run.id)
    return run


def submitted(
    store: Store,
    spec: RunSpec,
    title: str,
    *,
    parts: Mapping[str, str] | None,
    owner: str | None,
    time_limit: float | None,
    priority: int | None = None,
) -> Run:
    """The run that answers ``spec``, known or new, with its urgency and time limit; arguments as of `request`."""
    urgency = registry.kind(spec.kind).question.urgency if priority is None else priority
    named = cut(title or titles.of_spec(spec), LONGEST_TITLE)
    run = store.submit(spec, named, parts=parts, owner=owner, priority=urgency)
    if time_limit is not None and run.status != "done":
        store.limit(run.id, time_limit)
    return run


def resume(
    store: Store,
    run_id: str,
    *,
    study: str | None = None,
    time_limit: float | None = None,
    launcher: Launcher = HERE,
) -> Run:
    """Let a lost, failed or cancelled run go on from its last checkpoint; the run as it then is.

    Args:
        study: where the run's study is now, if that is known.
        time_limit: seconds that every attempt from now on may work; by default as before.
    """
    registry.kind(store.get(run_id).spec.kind)
    if time_limit is not None:
        store.limit(run_id, time_limit)
    run = store.resume(run_id, study=study)
    if run.status == "queued":
        launch(store, run_id, launcher=launcher)
        run = store.get(run_id)
    return run


def launch(store: Store, run_id: str, *, launcher: Launcher = HERE) -> None:
    """Start a worker for a queued run as soon as it is its turn. Nothing happens if it has one already, or is done."""
    run = store.get(run_id)
    if run.status in ("running", "cancelling", "done"):
        return
    if run.status != "queued":
        raise RunError(f"Run {run_id} is {run.status}; resume it before launching it.")
    registry.kind(run.spec.kind)
    advance(store, launcher=launcher)


def advance(store: Store, *, launcher: Launcher = HERE) -> None:
    """Start the runs that wait and that there is room for; see `explorer.jobs.queue`."""
    advancing.advance(store, launcher)


def stop(store: Store, run_id: str, *, launcher: Launcher = HERE) -> Run:
    """Stop a run: returns at once, and its worker is gone within 5 s.

    Its end is seen to before the wish is written: a worker that was stopped with the database locked holds up every
    write, and reading is all that is needed to know it.
    """
    working = store.get(run_id).status in ("running", "cancelling")
    worker = store.worker(run_id) if working else None
    if worker is not None:
        launcher.stop(worker)
    return store.cancel(run_id)
