"""How a computation is recorded, run, watched, stopped and resumed.

A frozen `RunSpec` says what is wanted, the `Store` holds what became of it, a worker process computes it and
meets the app only in the store.
"""

from explorer.runs.context import Checkpoint, RunContext, Stopped
from explorer.runs.execute import execute
from explorer.runs.launcher import launch, request, stop
from explorer.runs.run import Run, Status
from explorer.runs.spec import RunSpec
from explorer.runs.store import Lease, LeaseLost, Store

__all__ = [
    "Checkpoint",
    "Lease",
    "LeaseLost",
    "Run",
    "RunContext",
    "RunSpec",
    "Status",
    "Stopped",
    "Store",
    "execute",
    "launch",
    "request",
    "stop",
]
