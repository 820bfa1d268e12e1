"""A run as the store tells it: what was asked, how far it is, what came out."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from explorer.runs.plain import decode
from explorer.runs.spec import RunSpec

Status = Literal["queued", "running", "cancelling", "cancelled", "done", "failed", "lost"]

LIVE: tuple[Status, ...] = ("queued", "running", "cancelling")


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
    result_text: str | None = field(repr=False)  # the result as the store keeps it
    artifacts: Mapping[str, str]  # what `RunContext.keep` kept: name -> SHA-256
    token: int
    superseded_by: str | None = None  # the id of the run that answers in its place

    @cached_property
    def result(self) -> dict[str, Any] | None:
        """Plain data, where the status is 'done'. Read from its text when it is first asked for."""
        return None if self.result_text is None else decode(self.result_text)

    @property
    def live(self) -> bool:
        """Whether anything will still happen by itself: it waits for a worker, or has one."""
        return self.status in LIVE

    @property
    def resumable(self) -> bool:
        """Whether `Store.resume` will queue it again."""
        return self.status in ("lost", "failed", "cancelled")
