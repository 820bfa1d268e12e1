"""A snapshot: the runs of one study at one moment, read from the store once and parsed once.

A page that is drawn anew asks many times which run answers what. It asks a snapshot, which `explorer.jobs.answers`
takes in place of the store; a new snapshot goes on with what the one before has parsed already.
"""

from typing import Any

from explorer.errors import RunError
from explorer.jobs import registry
from explorer.runs.run import Run
from explorer.runs.spec import RunSpec
from explorer.runs.store import Store


class Snapshot:
    """Runs of one study as they were when it was read.

    Args:
        fingerprint: of the study.
        before: an earlier snapshot; ended runs that have not changed since are taken over from it.
    """

    def __init__(self, store: Store, fingerprint: str, before: "Snapshot | None" = None) -> None:
        known = {} if before is None else before._by_identity
        parsed = {} if before is None else before._results
        self.fingerprint = fingerprint
        read = [
            run
            for run in store.list(fingerprint=fingerprint)
            if run.superseded_by is None and run.status != "unreadable"
        ]
        earlier = {run.id: (identity, run) for identity, run in known.items()}
        self._by_identity: dict[str, Run] = {}
        for run in read:
            identity, same = earlier.get(run.id, (None, None))
            kept = same if same is not None and _state(same) == _state(run) else run
            self._by_identity[identity or run.spec.identity] = kept
        self._results: dict[object, Any] = {
            _state(run): parsed[_state(run)] for run in read if _state(run) in parsed
        }

    def find(self, spec: RunSpec) -> Run | None:
        """The run that answers ``spec``, if it was ever submitted."""
        return self._by_identity.get(spec.identity)

    def list(self, *, fingerprint: str | None = None, kind: str | None = None) -> tuple[Run, ...]:
        """The runs, or those of one kind; the newest first.

        Raises:
            RunError: another study is asked about.
        """
        if fingerprint not in (None, self.fingerprint):
            raise RunError("A snapshot holds the runs of one study; read another one for another study.")
        return tuple(run for run in self._by_identity.values() if kind in (None, run.spec.kind))

    def result(self, run: Run) -> Any:
        """Typed result of a run that is done, parsed at most once; None before."""
        if run.status != "done":
            return None
        key = _state(run)
        if key not in self._results:
            self._results[key] = None if run.result is None else registry.result(run.spec.kind, run.result)
        return self._results[key]


def _state(run: Run) -> object:
    """What an ended run is told apart by from what another attempt would make of it."""
    return run.id, run.token, run.status, run.finished, run.fraction, run.message, run.name, run.tags
