"""The app's side of the measuring processes: wishes go in, what is known so far is there at once.

A process is started at the first wish for its study, ends when the app does, when nobody wished for a while or when
other studies are looked at, and is started again when it is needed. Where it ended otherwise, its plans are failures
until somebody comes back to them; its log says more.
"""

import hashlib
import json
import subprocess
import sys
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from explorer.jobs.gauge.reading import Failure, Reading
from explorer.plans import Plan
from explorer.runs.keeping import private

MOST_KEPT = 2_000  # readings of a study
MOST_PROCESSES = 2
_CHILD = (sys.executable, "-m", "explorer.jobs.gauge.child")

Found = Reading | Failure


class Gauge:
    """What is measured of one study.

    Args:
        reference: what the study is loaded by.
        fingerprint: of the study as the app knows it.
        log: where the process writes what it has to say of itself.
        command: what is started, with the reference behind it.
    """

    def __init__(
        self, reference: str, fingerprint: str, log: Path, *, command: Sequence[str] = _CHILD
    ) -> None:
        self._reference, self._fingerprint, self._log, self._command = reference, fingerprint, log, command
        self._lock = threading.Lock()
        self._found: OrderedDict[str, Found] = OrderedDict()
        self._wanted: dict[str, str] = {}  # session -> key of the plan
        self._process: subprocess.Popen[str] | None = None

    def wish(self, who: str, plan: Plan) -> None:
        """Have a plan measured, in place of what this session wished before; returns at once."""
        key = key_of(plan)
        with self._lock:
            if self._wanted.get(who) == key:
                return
            known = self._found.get(key)
            if isinstance(known, Reading) and known.ended:
                self._withdraw(who)
                return
            if isinstance(known, Failure):
                del self._found[key]
            self._wanted[who] = key
            self._send({"who": who, "key": key, "plan": plan.to_json()})

    def found(self, plan: Plan) -> Found | None:
        """What is known of a plan; None before its first samples."""
        with self._lock:
            return self._found.get(key_of(plan))

    def close(self) -> None:
        """End the process; what was measured stays."""
        with self._lock:
            self._wanted.clear()
            if self._process is not None:
                self._process.kill()
                self._process = None

    def _withdraw(self, who: str) -> None:
        if self._wanted.pop(who, None) is not None and self._process is not None:
            self._send({"who": who})

    def _send(self, wish: Mapping[str, Any]) -> None:
        if self._process is None or self._process.poll() is not None:
            self._process = self._started()
        stdin = self._process.stdin
        assert stdin is not None
        try:
            stdin.write(json.dumps(wish) + "\n")
            stdin.flush()
        except OSError:  # it ended just now; its listener says so of all that was wanted
            pass

    def _started(self) -> "subprocess.Popen[str]":
        private.make_folder(self._log.parent)
        private.make_file(self._log)
        with self._log.open("ab") as log:
            process = subprocess.Popen(
                [*self._command, self._reference],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
            )
        threading.Thread(target=self._listen, args=(process,), name="gauge", daemon=True).start()
        return process

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            said = json.loads(line)
            with self._lock:
                if self._process is not process:
                    return
                if "fingerprint" not in said:
                    self._note(said)
                elif said["fingerprint"] != self._fingerprint:
                    self._fail("The study's files have changed; reload the page.")
                    process.kill()
        status = process.wait()
        with self._lock:
            if self._process is process:
                self._process = None
                self._fail(f"The measuring process ended (status {status}); {self._log} says more.")

    def _note(self, said: Mapping[str, Any]) -> None:
        failed = "failure" in said
        found = Failure(said["failure"]) if failed else Reading.from_json(said["reading"])
        self._found[said["key"]] = found
        self._found.move_to_end(said["key"])
        while len(self._found) > MOST_KEPT:
            self._found.popitem(last=False)

    def _fail(self, why: str) -> None:
        """Every plan that is still wanted cannot be measured."""
        for key in self._wanted.values():
            known = self._found.get(key)
            if not (isinstance(known, Reading) and known.ended):
                self._found[key] = Failure(why)
        self._wanted.clear()


class Gauges:
    """The measuring processes of an app, of the studies looked at last.

    Args:
        logs: the folder of their logs.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, str], Gauge] = OrderedDict()

    def of(self, reference: str, fingerprint: str) -> Gauge:
        """The gauge of a study as it is now."""
        with self._lock:
            key = (reference, fingerprint)
            if key not in self._known:
                self._known[key] = Gauge(reference, fingerprint, self._logs / "measuring.log")
            self._known.move_to_end(key)
            for other in list(self._known)[:-MOST_PROCESSES]:
                self._known.pop(other).close()
            return self._known[key]


def key_of(plan: Plan) -> str:
    """What a plan is measured under: all of it but its name."""
    content = {name: value for name, value in plan.to_json().items() if name != "name"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
