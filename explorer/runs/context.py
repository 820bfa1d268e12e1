"""What a computation sees of its run: its spec, and ways to report, record, checkpoint and stop.

A kind's function takes one `RunContext` and returns its result, plain data. It calls `check_stop` (or asks
`should_stop`) often, at least every second or so, and `checkpoint` whenever it has got somewhere; it begins
with `last_checkpoint` and must reach the same numbers from there as without the interruption. A heartbeat in a
thread of its own keeps the lease while the function computes.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from explorer.errors import RunError
from explorer.runs.artifacts import ArtifactDamaged, ArtifactStore, encode_tensors
from explorer.runs.database import Unavailable
from explorer.runs.holding.patience import patiently
from explorer.runs.lease import Lease, LeaseLost
from explorer.runs.plain import encode
from explorer.runs.provenance import Provenance
from explorer.runs.run import Run
from explorer.runs.spec import RunSpec
from explorer.runs.store import Store
from explorer.watching import Stopped

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

HEARTBEAT_SECONDS = 1.0
REPORT_WAIT = 0.25  # how long a report may hold up the computation
REPORT_SECONDS = 0.25  # progress reported more often than this is recorded with the next heartbeat


@dataclass(frozen=True)
class Checkpoint:
    """What a run goes on from: its state as it was given, and its tensors, read when asked for."""

    state: dict[str, Any]
    sha256: str
    artifacts: ArtifactStore

    @cached_property
    def tensors(self) -> "dict[str, Tensor]":
        """The tensors, on the CPU."""
        return self.artifacts.get_tensors(self.sha256)

    @cached_property
    def arrays(self) -> "dict[str, np.ndarray]":
        """The tensors as NumPy arrays, without importing torch."""
        return self.artifacts.get_arrays(self.sha256)


class RunContext:
    """One attempt at one run, as its function sees it."""

    def __init__(
        self,
        store: Store,
        lease: Lease,
        *,
        on_progress: Callable[[Run], None] | None = None,
        on_lost: Callable[[], None] | None = None,
        stop: threading.Event | None = None,
    ) -> None:
        run = patiently(lambda: store.get(lease.run_id))
        self.spec = run.spec
        self.parts = run.parts
        self._earlier = run.provenance
        self.run_id = run.id
        self.artifacts = store.artifacts
        self._store = store
        self._lease = lease
        self._on_progress = on_progress
        self._on_lost = on_lost
        self._stop = stop or threading.Event()
        self._lost = threading.Event()
        self._ended = threading.Event()
        self._reporting = threading.Lock()
        self._writing = threading.Lock()
        self._pending: tuple[float, str] | None = None
        self._next_report = 0.0
        self._fraction = run.fraction
        self._look: Callable[[], None] = lambda: None

    @property
    def fraction(self) -> float:
        """How far the computation said it is, 0 to 1."""
        return self._fraction

    def at_each_beat(self, look: Callable[[], None]) -> None:
        """Have something looked at with every heartbeat."""
        self._look = look

    def ask_to_stop(self) -> None:
        """Ask the computation to stop, as a cancellation would."""
        self._stop.set()

    def begin(self, made_by: Provenance, parts: Mapping[str, str] | None = None) -> None:
        """Record what computes the run from now on, and the parts of its study where they were not known."""
        if self._earlier is not None and self._store.last_checkpoint(self.run_id) is not None:
            made_by = made_by.after(self._earlier)
        known = {} if parts is None else {"parts": encode(dict(parts), "parts")}
        self._lease.note(provenance=encode(made_by.to_json(), "the provenance"), **known)

    def report(self, fraction: float, message: str = "") -> None:
        """Say how far the computation is, 0 to 1, and what it is doing. Cheap: call it as often as you like.

        While the database cannot be used, that is recorded later, with a heartbeat.
        """
        self._check_lease()
        with self._reporting:
            self._pending = (fraction, message)
            self._fraction = fraction
        if time.monotonic() >= self._next_report:
            done = self._flush(wait=REPORT_WAIT)
            self._next_report = time.monotonic() + (REPORT_SECONDS if done else 2 * HEARTBEAT_SECONDS)
            if done and self._on_progress is not None:
                self._on_progress(patiently(lambda: self._store.get(self.run_id)))

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        """Add a point to a series of plain data, such as a loss curve; a few a second at most."""
        self._check_lease()
        self._lease.append(series, values)

    def should_stop(self) -> bool:
        """Whether the run was asked to stop, or is not this worker's any more."""
        return self._stop.is_set() or self._lost.is_set()

    def check_stop(self) -> None:
        """Raise `Stopped` if the run was asked to stop."""
        self._check_lease()
        if self._stop.is_set():
            raise Stopped(f"Run {self.run_id} was asked to stop.")

    def save(self, tensors: "Mapping[str, Tensor | np.ndarray]", state: Mapping[str, Any]) -> None:
        """Record what to go on from: named tensors and a state of plain data. Replaces the one before."""
        self._check_lease()
        with self._reporting:
            progress, self._pending = self._pending, None
        self._lease.checkpoint(encode_tensors(tensors), state, progress)

    def restore(self) -> Checkpoint | None:
        """What an earlier attempt at this run recorded last.

        If that is damaged, what it recorded before; if that is too, or a file that the run kept meanwhile, nothing,
        and the run starts over. A remark on the run says so.
        """
        found = patiently(lambda: self._store.checkpoints(self.run_id))
        if not found:
            return None
        run = patiently(lambda: self._store.get(self.run_id))
        kept = [self._is_intact(sha256) for sha256 in run.artifacts.values()]
        if all(kept):
            for older, saved in enumerate(found):
                if saved is not None and self._is_intact(saved.sha256):
                    if older:
                        self._lease.go_back(
                            saved, "Its newest checkpoint was damaged: it went on from the one before."
                        )
                    return Checkpoint(saved.state, saved.sha256, self.artifacts)
        self._lease.go_back(None, "What it had recorded on its way was damaged: it started over.")
        return None

    def relatives(self, *, but: str) -> tuple[Run, ...]:
        """Finished runs whose spec differs from this one's in the parameter ``but`` and in nothing else."""

        def rest(spec: RunSpec) -> RunSpec:
            parameters = {key: value for key, value in spec.parameters.items() if key != but}
            return spec.model_copy(update={"parameters": parameters})

        asked = rest(self.spec)
        found = patiently(lambda: self._store.list(fingerprint=self.spec.fingerprint, kind=self.spec.kind))
        return tuple(
            run
            for run in found
            if run.status == "done" and run.id != self.run_id and rest(run.spec).asks_the_same(asked)
        )

    def runs_of(self, kind: str, *, version: int) -> tuple[Run, ...]:
        """Finished runs of another kind, in a version of its algorithm, about the same study."""
        found = patiently(lambda: self._store.list(fingerprint=self.spec.fingerprint, kind=kind))
        return tuple(run for run in found if run.status == "done" and run.spec.version == version)

    def tensors_of(self, run: Run, name: str) -> "dict[str, Tensor] | None":
        """What a finished run kept under a name; None if it kept nothing, or that is damaged, which is noted."""
        try:
            return self._store.tensors(run.id, name) if name in run.artifacts else None
        except ArtifactDamaged as error:
            print(error, file=sys.stderr)
            return None

    def result_of(self, spec: RunSpec) -> dict[str, Any] | None:
        """What a finished run of another spec found, if there is one."""
        run = patiently(lambda: self._store.find(spec))
        return None if run is None or run.status != "done" else run.result

    def keep(self, name: str, tensors: "Mapping[str, Tensor | np.ndarray]") -> str:
        """Keep named tensors with the run, such as trained weights; the hash for `artifacts.get_tensors`."""
        self._check_lease()
        return self._lease.keep(name, encode_tensors(tensors))

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Renew the lease, and hear of cancellation, while the block runs."""
        thread = threading.Thread(target=self._beat, name=f"heartbeat {self.run_id}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            try:
                self._look()
                self._flush()
                if self._lease.heartbeat():
                    self._stop.set()
            except LeaseLost:
                self._lost.set()
                if self._on_lost is not None and not self._ended.is_set():
                    self._on_lost()
                return
            except RunError as error:  # a busy database: the token, not the clock, decides who holds the run
                print(error, file=sys.stderr)

    def _flush(self, wait: float | None = None) -> bool:
        """Record what was reported last; whether that was possible within ``wait``."""
        if not self._writing.acquire(timeout=-1 if wait is None else wait):
            return False  # the heartbeat is at it
        try:
            with self._reporting:
                pending, self._pending = self._pending, None
            if pending is not None:
                try:
                    self._lease.report(*pending, wait=wait)
                except Unavailable:
                    with self._reporting:
                        self._pending = self._pending or pending
                    return False
            return True
        finally:
            self._writing.release()

    def _is_intact(self, sha256: str) -> bool:
        """Whether a file can be read; a damaged one is set aside."""
        try:
            self.artifacts.get_bytes(sha256)
        except ArtifactDamaged as error:
            print(error, file=sys.stderr)
            self.artifacts.set_aside(sha256)
            return False
        return True

    def _check_lease(self) -> None:
        if self._lost.is_set():
            raise LeaseLost(f"Run {self.run_id} is not this worker's any more; nothing was written.")
