"""Rows of the table ``runs``: read as a `Run`, and what is written when a run changes hands.

A row that is damaged, or was written by another version, is read as a run that is ``unreadable``: one such row must
not keep anyone from the others.
"""

import functools
import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, get_args

from pydantic import ValidationError
from sqlalchemy import Connection, Row, select

from explorer.errors import ExplorerError, RunError
from explorer.runs.holding.clock import now
from explorer.runs.holding.watch import Watch
from explorer.runs.plain import decode, encode
from explorer.runs.provenance import Provenance
from explorer.runs.run import Run, Status
from explorer.runs.schema import runs
from explorer.runs.spec import RunSpec
from explorer.runs.workers import Worker

NOW = now().label("now")  # by the database's clock
# What a list of runs is made of: all but the columns that may hold megabytes.
LIGHT = (
    *(column for column in runs.c if column.name not in ("result", "checkpoint", "checkpoint_before")),
    NOW,
)

_REASON_LENGTH = 200  # characters of what is said about a row that cannot be read
_FAR = 1e11  # seconds: some 3,000 years
_UNFIT = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, OSError, RecursionError)


def row_of(connection: Connection, run_id: str, *, lock: bool = False) -> Row[Any]:
    """The row of a run, kept from others until the transaction ends with ``lock``; RunError if there is none."""
    query = select(runs, NOW).where(runs.c.id == run_id)
    row = connection.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise no_run(run_id)
    return row


def readable_row_of(connection: Connection, run_id: str, watch: Watch, *, lock: bool = False) -> Row[Any]:
    """The row of a run that can be read; RunError naming what is wrong with it otherwise."""
    row = row_of(connection, run_id, lock=lock)
    run = from_row(row, {}, watch, lambda: None)
    if run.status == "unreadable":
        raise RunError(run.error or "")
    return row


def no_run(run_id: str) -> RunError:
    """What is said of an id that is not in the store."""
    return RunError(f"There is no run {run_id!r}; it may have been deleted.")


def from_row(
    row: Row[Any],
    artifacts: Mapping[str, str],
    watch: Watch,
    read_result: Callable[[], dict[str, Any] | None],
) -> Run:
    """The run of a row; its result is left where it is until somebody wants it."""
    try:
        return Run(
            id=row.id,
            spec=spec_of(row),
            title=_text(row.title),
            status=status(row, watch),
            fraction=_fraction(row.fraction),
            message=_text(row.message),
            error=None if row.error is None else _text(row.error),
            created=_moment(row.created),
            started=None if row.started is None else _moment(row.started),
            finished=None if row.finished is None else _moment(row.finished),
            read_result=read_result,
            artifacts=artifacts,
            token=_whole(row.token),
            remark=None if row.remark is None else _text(row.remark),
            time_limit=None if row.time_limit is None else float(row.time_limit),
            owner=None if row.owner is None else _text(row.owner),
            superseded_by=None if row.superseded_by is None else _text(row.superseded_by),
            parts=None if row.parts is None else _parts(row.parts),
            provenance=None if row.provenance is None else _provenance(row.provenance),
            name=None if row.name is None else _text(row.name),
            note=None if row.note is None else _text(row.note),
            tags=() if row.tags is None else tuple(_text(tag) for tag in decode(row.tags)),
            deleted=None if row.deleted is None else _moment(row.deleted),
        )
    except (ExplorerError, *_UNFIT) as error:
        return _unreadable(row, error)


def spec_of(row: Row[Any]) -> RunSpec:
    """What a run was asked."""
    return _spec(row.spec)


@functools.lru_cache(maxsize=16_384)  # a list is read again and again, and its specs never change
def _spec(text: str) -> RunSpec:
    return RunSpec.model_validate(decode(text))


@functools.lru_cache(maxsize=1_024)  # runs on one study have the same
def _parts(text: str) -> Mapping[str, str]:
    return {str(name): _text(hashed) for name, hashed in decode(text).items()}


@functools.lru_cache(maxsize=16_384)
def _provenance(text: str) -> Provenance:
    return Provenance.from_json(decode(text))


def status(row: Row[Any], watch: Watch) -> Status:
    """The status as recorded, corrected by whether the worker still lives."""
    recorded: Status = row.status
    if recorded not in get_args(Status):
        raise RunError(f"the status {_text(recorded)!r} is unknown")
    if recorded == "queued" and row.pid is not None:
        return "queued" if watch.holds(row) or waits(row, watch) else "lost"
    if recorded == "running":
        return "running" if watch.holds(row) else "lost"
    if recorded == "cancelling":
        return "cancelling" if watch.holds(row) else "cancelled"
    return recorded


def waits(row: Row[Any], watch: Watch) -> bool:
    """Whether a run is queued and nobody has taken it, or who had died before a worker was launched."""
    if row.status != "queued":
        return False
    return row.pid is None or (not row.detached and not watch.holds(row))


def is_held(row: Row[Any], watch: Watch) -> bool:
    """Whether a run has a worker; its row may be damaged, and nobody holds a run whose row does not say by whom."""
    try:
        return watch.holds(row)
    except _UNFIT:
        return False


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


def remarked(row: Row[Any], remark: str) -> str:
    """A row's remark with a sentence added, once."""
    before = row.remark or ""
    return before if remark in before else f"{before} {remark}".strip()


def ended(new_status: Status) -> dict[str, Any]:
    """A row's values for a run that ends now."""
    return unowned(new_status) | {"finished": time.time()}


def _unreadable(row: Row[Any], error: Exception) -> Run:
    """What can be told of a run whose row is damaged or another version's."""
    kind, study, fingerprint = (_text(getattr(row, name), "") for name in ("kind", "study", "fingerprint"))
    run_id = _text(row.id, "")
    return Run(
        id=run_id,
        spec=RunSpec.model_construct(kind=kind or "unknown", study=study, fingerprint=fingerprint),
        title=_text(row.title, ""),
        status="unreadable",
        fraction=0.0,
        message="",
        error=f"Run {run_id} cannot be read ({_reason(error)}); delete it, or use the version that wrote it.",
        created=_moment(row.created, 0.0),
        started=None,
        finished=None,
        read_result=lambda: None,
        artifacts={},
        token=row.token if type(row.token) is int else 0,
        owner=_text(row.owner, "") or None,
        deleted=None if row.deleted is None else _moment(row.deleted, 0.0),
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        said = ": ".join(filter(None, ["spec." + ".".join(map(str, first["loc"])), first["msg"]]))
    else:
        said = str(error) or type(error).__name__
    return _text(said.splitlines()[0][:_REASON_LENGTH].rstrip("."))


def _text(value: Any, instead: str | None = None) -> str:
    """Text that can be shown: bytes that were no UTF-8 come from the database as surrogates, which cannot."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if instead is None:
        raise TypeError(f"{value!r} is where a text should be")
    return instead


def _whole(value: Any) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} is where a whole number should be")
    return value


def _fraction(value: Any) -> float:
    if not 0 <= value <= 1:  # NaN neither
        raise ValueError(f"{value!r} is where a fraction should be")
    return float(value)


def _moment(seconds: Any, instead: float | None = None) -> datetime:
    """A moment; that of ``instead``, if it is given, where the record has none."""
    if instead is not None and not (isinstance(seconds, int | float) and abs(seconds) < _FAR):
        seconds = instead
    if not math.isfinite(seconds):
        raise ValueError(f"{seconds!r} is where a moment should be")
    return datetime.fromtimestamp(seconds, UTC)
