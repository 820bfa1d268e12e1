"""Starting a worker for a run, and stopping it for certain.

A worker is a process in a session of its own that writes to the run's log file; nothing ties it to the app, so
closing the tab or ending the server does not touch it. Stopping is first a wish recorded in the store, which
the worker hears within a second or two. If it is not gone after 1.5 s its group gets SIGTERM, after 3 s
SIGKILL, from a small process that is independent of the app too. A run that computes inside some other process
(the command line, a notebook) or on another machine is only asked, never signalled.
"""

import os
import subprocess
import sys
import threading
from pathlib import Path

from explorer.errors import RunError
from explorer.jobs import registry
from explorer.runs import process
from explorer.runs.run import Run
from explorer.runs.spec import RunSpec
from explorer.runs.store import Store


def request(store: Store, spec: RunSpec, title: str = "") -> Run:
    """Submit ``spec`` and see to it that someone works on it if it is new; the run as it then is."""
    registry.kind(spec.kind)
    run = store.submit(spec, title)
    if run.status == "queued":
        launch(store, run.id)
        run = store.get(run.id)
    return run


def launch(store: Store, run_id: str) -> None:
    """Start a worker for a queued run. Nothing happens if it has one already, or is done."""
    run = store.get(run_id)
    if run.status in ("running", "cancelling", "done"):
        return
    if run.status != "queued":
        raise RunError(f"Run {run_id} is {run.status}; resume it before launching it.")
    if store.worker(run_id) is not None:
        return
    log = store.log_path(run_id)
    package = Path(__file__).parents[3]
    paths = [str(package), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | store.environment()
    environment |= {"PYTHONPATH": os.pathsep.join(paths), "PYTHONUNBUFFERED": "1"}
    # The worker shares the cores with the app and the browser: threads that wait for one another must not spin.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "explorer.jobs.worker", run_id],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
    except OSError as error:
        raise RunError(f"A worker for run {run_id} cannot be started ({error}); see {log}.") from error
    store.launched(run, worker.pid)
    _reap(worker)


def stop(store: Store, run_id: str) -> Run:
    """Stop a run: returns at once, and its worker is gone within 5 s."""
    run = store.cancel(run_id)
    worker = store.worker(run_id) if run.status == "cancelling" else None
    if worker is not None:
        pid, born, detached = worker
        if detached:
            command = [sys.executable, "-I", process.__file__, str(pid), born]
            nothing = subprocess.DEVNULL
            _reap(
                subprocess.Popen(
                    command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
                )
            )
    return run


def _reap(child: "subprocess.Popen[bytes]") -> None:
    """Take note of the child's end, so that it does not stay as a zombie while this process lives."""
    threading.Thread(target=child.wait, name=f"reap {child.pid}", daemon=True).start()
