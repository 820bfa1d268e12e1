"""A run as the store tells it: what was asked, how far it is, what came out."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from explorer.runs.provenance import Provenance
from explorer.runs.spec import RunSpec

Status = Literal["queued", "running", "cancelling", "cancelled", "done", "failed", "lost", "unreadable"]

LIVE: tuple[Status, ...] = ("queued", "running", "cancelling")


@dataclass(frozen=True)
class Run:
    """One recorded computation at the moment it was read.

    ``status`` is 'lost' when the worker died or has not been heard of, or when what a finished run had kept is
    damaged; it is 'cancelling' between the wish to stop and the end of the worker. It is 'unreadable' where the
    record is damaged or another version's: ``error`` says what is wrong, ``spec`` has the kind and the study if
    they are known and no parameters, and all that can be done with the run is to delete it. ``token`` changes
    whenever the run changes hands, and the points that came after the last checkpoint are gone then: who keeps
    points must read them anew when it differs. A run that is superseded asks what another one answers: they were
    told apart by the study's place, before runs were told apart by content. It can be read, and is not found by its
    question any more.
    """

    id: str
    spec: RunSpec
    title: str
    status: Status
    fraction: float  # 0..1
    message: str
    error: str | None  # a sentence, where 'failed' or 'unreadable', or 'lost' and the reason is known
    created: datetime
    started: datetime | None  # of the latest attempt
    finished: datetime | None
    read_result: Callable[[], dict[str, Any] | None] = field(repr=False, compare=False)  # from the store
    artifacts: Mapping[str, str]  # what `RunContext.keep` kept: name -> SHA-256
    token: int
    remark: str | None = None  # sentences: what a person should know of how it went
    time_limit: float | None = None  # seconds that an attempt may work
    owner: str | None = None  # who asked for it, where that is known
    superseded_by: str | None = None  # the id of the run that answers in its place
    parts: Mapping[str, str] | None = None  # what the fingerprint was made of, if that was recorded
    provenance: Provenance | None = None  # of the latest attempt that began to compute, if that was recorded
    name: str | None = None  # that a person gave it in place of its title
    note: str | None = None  # that a person wrote about it
    tags: tuple[str, ...] = ()
    deleted: datetime | None = None  # since when, while that can be undone

    @cached_property
    def result(self) -> dict[str, Any] | None:
        """Plain data, where the status is 'done'. Read from the store when it is first asked for.

        Raises:
            RunError: it is damaged, and the run is lost from now on; or it was deleted meanwhile.
        """
        return self.read_result() if self.status == "done" else None

    @property
    def live(self) -> bool:
        """Whether anything will still happen by itself: it waits for a worker, or has one."""
        return self.status in LIVE

    @property
    def resumable(self) -> bool:
        """Whether `Store.resume` will queue it again."""
        return self.status in ("lost", "failed", "cancelled")
