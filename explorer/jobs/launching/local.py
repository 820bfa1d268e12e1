"""Workers as processes of this machine.

A worker is a process in a session of its own that writes to the run's log file; nothing ties it to the app, so closing
the tab or ending the server does not touch it. Its parent is a `guard`, which says why it died where it did; until the
worker claims its run, the guard stands for it. A worker that was asked to stop and is not gone after 1.5 s gets SIGTERM
with all its group, after 3 s SIGKILL, from a small process that is independent of the app too. A run that computes
inside some other process (the command line, a notebook) or on another machine is only asked, never signalled.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from explorer.errors import RunError
from explorer.jobs.launching.launcher import Launcher
from explorer.runs import process
from explorer.runs.keeping import private
from explorer.runs.workers import Worker, child, lives_here


class LocalLauncher(Launcher):
    """Starts workers on this machine."""

    def submit(self, run_id: str, *, environment: Mapping[str, str], log: Path) -> Worker:
        package = Path(__file__).parents[3]
        # Workers start workers: what one was given is not added to again.
        paths = dict.fromkeys([str(package), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        variables = os.environ | dict(environment)
        variables |= {"PYTHONPATH": os.pathsep.join(filter(None, paths)), "PYTHONUNBUFFERED": "1"}
        # The worker shares the cores with the app and the browser: threads that wait for one another must not spin.
        variables.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        try:
            private.make_folder(log.parent)
            private.make_file(log)
            with log.open("ab") as output:
                started = subprocess.Popen(
                    [*_guard(run_id), sys.executable, "-m", "explorer.jobs.worker", run_id],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=variables,
                    start_new_session=True,
                )
        except OSError as error:
            raise RunError(f"A worker for run {run_id} cannot be started ({error}); see {log}.") from error
        worker = child(started.pid, detached=True)
        _reap(started)
        return worker

    def stop(self, worker: Worker) -> None:
        if not worker.detached or not self.alive(worker):
            return
        command = [sys.executable, "-I", process.__file__, str(worker.pid), worker.birth]
        nothing = subprocess.DEVNULL
        ending = subprocess.Popen(
            command, stdin=nothing, stdout=nothing, stderr=nothing, start_new_session=True
        )
        _reap(ending)

    def alive(self, worker: Worker) -> bool | None:
        return lives_here(worker)


def _guard(run_id: str) -> list[str]:
    """What starts a command under guard; nothing where a process cannot fork."""
    if not hasattr(os, "fork"):
        return []
    return [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), run_id]


def _reap(started: "subprocess.Popen[bytes]") -> None:
    """Take note of the process's end, so that it does not stay as a zombie while this one lives."""
    threading.Thread(target=started.wait, name=f"reap {started.pid}", daemon=True).start()
