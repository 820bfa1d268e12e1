"""Rows of the table ``runs``: read as a `Run`, and what is written when a run changes hands."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from explorer.errors import RunError
from explorer.runs.plain import decode, encode
from explorer.runs.run import Run, Status
from explorer.runs.schema import runs
from explorer.runs.spec import RunSpec
from explorer.runs.workers import Liveness, Worker


def row_of(connection: Connection, run_id: str, *, lock: bool = False) -> Row[Any]:
    """The row of a run, kept from others until the transaction ends with ``lock``; RunError if there is none."""
    query = select(runs).where(runs.c.id == run_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise no_run(run_id)
    return row


def no_run(run_id: str) -> RunError:
    """What is said of an id that is not in the store."""
    return RunError(f"There is no run {run_id!r}; it may have been deleted.")


def from_row(row: Row[Any], artifacts: Mapping[str, str], alive: Liveness) -> Run:
    """The run of a row; its result is left as text until somebody wants it."""
    return Run(
        id=row.id,
        spec=spec_of(row),
        title=row.title,
        status=status(row, alive),
        fraction=row.fraction,
        message=row.message,
        error=row.error,
        created=_moment(row.created),
        started=None if row.started is None else _moment(row.started),
        finished=None if row.finished is None else _moment(row.finished),
        result_text=row.result,
        artifacts=artifacts,
        token=row.token,
        superseded_by=row.superseded_by,
    )


def spec_of(row: Row[Any]) -> RunSpec:
    """What a run was asked."""
    return RunSpec.model_validate(decode(row.spec))


def worker_of(row: Row[Any]) -> Worker | None:
    """The worker that a run has, or was launched for it."""
    return None if row.pid is None else Worker(row.host, row.pid, row.birth, bool(row.detached))


def status(row: Row[Any], alive: Liveness) -> Status:
    """The status as recorded, corrected by whether the worker still lives."""
    recorded: Status = row.status
    if recorded == "queued" and row.pid is not None:
        return "queued" if is_held(row, alive) else "lost"
    if recorded == "running":
        return "running" if is_held(row, alive) else "lost"
    if recorded == "cancelling":
        return "cancelling" if is_held(row, alive) else "cancelled"
    return recorded


def is_held(row: Row[Any], alive: Liveness) -> bool:
    """Whether the lease is still good, and the worker not known to be dead."""
    if row.expires is None or row.expires < time.time():
        return False
    worker = worker_of(row)
    return worker is not None and alive(worker) is not False


def located(spec: RunSpec, study: str) -> dict[str, Any]:
    """A row's values for a spec whose study is there."""
    there = spec.model_copy(update={"study": study})
    return {"study": study, "spec": encode(there.model_dump(), "spec")}


def owned(worker: Worker) -> dict[str, Any]:
    """A row's values for a run that has this worker."""
    return {"host": worker.host, "pid": worker.pid, "birth": worker.birth, "detached": worker.detached}


def unowned(new_status: Status) -> dict[str, Any]:
    """A row's values for a run that leaves its worker's hands: the larger token makes the old lease void."""
    nobody = {"host": None, "pid": None, "birth": None, "detached": None, "expires": None}
    return {"status": new_status, "token": runs.c.token + 1, **nobody}


def ended(new_status: Status) -> dict[str, Any]:
    """A row's values for a run that ends now."""
    return unowned(new_status) | {"finished": time.time()}


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
