"""A run as the store tells it: what was asked, how far it is, what came out."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import Row

from explorer.runs import process
from explorer.runs.plain import decode
from explorer.runs.spec import RunSpec

Status = Literal["queued", "running", "cancelling", "cancelled", "done", "failed", "lost"]


@dataclass(frozen=True)
class Run:
    """One recorded computation at the moment it was read.

    ``status`` is 'lost' when the worker died or has not been heard of, and 'cancelling' between the wish to
    stop and the end of the worker. ``token`` changes whenever the run changes hands, and the points that came
    after the last checkpoint are gone then: who keeps points must read them anew when it differs. A run that is
    superseded asks what another one answers: they were told apart by the study's place, before runs were told apart
    by content. It can be read, and is not found by its question any more.
    """

    id: str
    spec: RunSpec
    title: str
    status: Status
    fraction: float  # 0..1
    message: str
    error: str | None  # one sentence, where status is 'failed'
    created: datetime
    started: datetime | None  # of the latest attempt
    finished: datetime | None
    result: dict[str, Any] | None  # plain data, where status is 'done'
    artifacts: Mapping[str, str]  # what `RunContext.keep` kept: name -> SHA-256
    token: int
    superseded_by: str | None = None  # the id of the run that answers in its place

    @property
    def live(self) -> bool:
        """Whether anything will still happen by itself: it waits for a worker, or has one."""
        return self.status in ("queued", "running", "cancelling")

    @property
    def resumable(self) -> bool:
        """Whether `Store.resume` will queue it again."""
        return self.status in ("lost", "failed", "cancelled")


def from_row(row: Row[Any], artifacts: Mapping[str, str]) -> Run:
    """The run of a row of the table ``runs``."""
    return Run(
        id=row.id,
        spec=RunSpec.model_validate(decode(row.spec)),
        title=row.title,
        status=status(row),
        fraction=row.fraction,
        message=row.message,
        error=row.error,
        created=_moment(row.created),
        started=None if row.started is None else _moment(row.started),
        finished=None if row.finished is None else _moment(row.finished),
        result=None if row.result is None else decode(row.result),
        artifacts=artifacts,
        token=row.token,
        superseded_by=row.superseded_by,
    )


def status(row: Row[Any]) -> Status:
    """The status as recorded, corrected by whether the worker still lives."""
    recorded: Status = row.status
    if recorded == "queued" and row.pid is not None:
        return "queued" if worker_lives(row) else "lost"
    if recorded == "running":
        return "running" if worker_lives(row) else "lost"
    if recorded == "cancelling":
        return "cancelling" if worker_lives(row) else "cancelled"
    return recorded


def worker_lives(row: Row[Any]) -> bool:
    """Whether the lease is still good, and the process exists where that can be seen from here."""
    if row.expires is None or row.expires < time.time():
        return False
    return bool(row.host != process.host() or process.alive(row.pid, row.birth))


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
