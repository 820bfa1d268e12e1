"""The kinds of computation a run can be, each a function that takes a `RunContext` and returns its result.

Functions are named, not imported: the app can list and draw runs without loading what computes them. A kind is
a plain name from this table and nothing else, so a spec from outside cannot make a worker import something.
"""

import importlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from explorer.errors import RunError

if TYPE_CHECKING:
    from explorer.runs.context import RunContext

RunFunction = Callable[["RunContext"], dict[str, Any]]

_JOBS: dict[str, str] = {
    "traces": "explorer.jobs.kinds.traces:run",
    "finetune": "explorer.jobs.kinds.finetune:run",
    "evaluate": "explorer.jobs.kinds.evaluate:run",
    "landscape": "explorer.jobs.kinds.landscape:run",
    "eigenvalues": "explorer.jobs.kinds.eigenvalues:run",
    "spectrum": "explorer.jobs.kinds.spectrum:run",
    "lapq": "explorer.jobs.kinds.lapq:run",
    "lapq_surface": "explorer.jobs.kinds.lapq_surface:run",
    "lapq_sweep": "explorer.jobs.kinds.lapq_sweep:run",
    "lapq_hessian": "explorer.jobs.kinds.lapq_hessian:run",
    "lapq_table": "explorer.jobs.kinds.lapq_table:run",
    "damage": "explorer.jobs.kinds.damage:run",
    "proxy": "explorer.jobs.kinds.proxy:run",
}
_HIDDEN: dict[str, str] = {"selftest": "explorer.jobs.kinds.selftest:run"}
_registered: dict[str, RunFunction] = {}


def names() -> tuple[str, ...]:
    """The kinds a person can ask for."""
    return tuple(_JOBS)


def check(kind: str) -> None:
    """RunError unless ``kind`` is known."""
    if kind not in _registered and kind not in _JOBS and kind not in _HIDDEN:
        raise RunError(f"There is no kind of run {kind!r}; use one of {', '.join(names())}.")


def function(kind: str) -> RunFunction:
    """The function of ``kind``, imported now."""
    check(kind)
    if kind in _registered:
        return _registered[kind]
    module, _, name = (_JOBS | _HIDDEN)[kind].partition(":")
    found: RunFunction = getattr(importlib.import_module(module), name)
    return found


def register(kind: str, run: RunFunction) -> None:
    """Add a kind for this process only; a launched worker does not know it. Meant for tests and notebooks."""
    if not kind.isidentifier():
        raise RunError(f"The kind {kind!r} cannot be registered; use letters, digits and underscores.")
    _registered[kind] = run
