"""The record of computations: what was asked, how far it is, what came out.

A frozen `RunSpec` says what is wanted, the `Store` holds what became of it. The work itself is in `explorer.jobs`.
"""

from explorer.runs.artifacts import ArtifactStore
from explorer.runs.context import Checkpoint, RunContext
from explorer.runs.lease import Lease, LeaseLost
from explorer.runs.run import Run, Status
from explorer.runs.spec import RunSpec
from explorer.runs.store import Store
from explorer.runs.workers import Worker

__all__ = [
    "ArtifactStore",
    "Checkpoint",
    "Lease",
    "LeaseLost",
    "Run",
    "RunContext",
    "RunSpec",
    "Status",
    "Store",
    "Worker",
]
