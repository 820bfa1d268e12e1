"""The record of computations: what was asked, how far it is, what came out.

A frozen `RunSpec` says what is wanted, the `Store` holds what became of it. The work itself is in `explorer.jobs`.
"""

from explorer.runs.context import Checkpoint, RunContext, Stopped
from explorer.runs.run import Run, Status
from explorer.runs.spec import RunSpec
from explorer.runs.store import Lease, LeaseLost, Store

__all__ = ["Checkpoint", "Lease", "LeaseLost", "Run", "RunContext", "RunSpec", "Status", "Stopped", "Store"]
