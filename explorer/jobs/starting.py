"""Having a spec worked on by a worker of its own: the one way in which the app begins, resumes and stops runs.

Stopping is first a wish recorded in the store, which the worker hears within a second or two; the launcher ends those
that do not.
"""

from explorer.errors import RunError
from explorer.jobs import registry
from explorer.jobs.launching.launcher import Launcher
from explorer.jobs.launching.local import LocalLauncher
from explorer.runs.run import Run
from explorer.runs.spec import RunSpec
from explorer.runs.store import Store

HERE = LocalLauncher()


def request(store: Store, spec: RunSpec, title: str = "", *, launcher: Launcher = HERE) -> Run:
    """Submit ``spec`` and see to it that someone works on it if it is new; the run as it then is."""
    registry.kind(spec.kind)
    run = store.submit(spec, title)
    if run.status == "queued":
        launch(store, run.id, launcher=launcher)
        run = store.get(run.id)
    return run


def resume(store: Store, run_id: str, *, study: str | None = None, launcher: Launcher = HERE) -> Run:
    """Let a lost, failed or cancelled run go on from its last checkpoint; the run as it then is.

    Args:
        study: where the run's study is now, if that is known.
    """
    registry.kind(store.get(run_id).spec.kind)
    run = store.resume(run_id, study=study)
    if run.status == "queued":
        launch(store, run_id, launcher=launcher)
        run = store.get(run_id)
    return run


def launch(store: Store, run_id: str, *, launcher: Launcher = HERE) -> None:
    """Start a worker for a queued run. Nothing happens if it has one already, or is done."""
    run = store.get(run_id)
    if run.status in ("running", "cancelling", "done"):
        return
    if run.status != "queued":
        raise RunError(f"Run {run_id} is {run.status}; resume it before launching it.")
    registry.kind(run.spec.kind)
    if store.worker(run_id) is None:
        log = store.log_path(run_id)
        store.launched(run, launcher.submit(run_id, environment=store.environment(), log=log))


def stop(store: Store, run_id: str, *, launcher: Launcher = HERE) -> Run:
    """Stop a run: returns at once, and its worker is gone within 5 s."""
    run = store.cancel(run_id)
    worker = store.worker(run_id) if run.status == "cancelling" else None
    if worker is not None:
        launcher.stop(worker)
    return run
