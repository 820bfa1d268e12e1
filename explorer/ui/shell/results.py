"""Results of the current study, for pages: each redraw asks one snapshot of its runs.

Which run answers what is decided in `explorer.jobs.answers` and `explorer.jobs.basis`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from explorer.blocks import Block, Granularity
from explorer.jobs import answers
from explorer.jobs.basis import Basis, basis_of
from explorer.jobs.requests import spec_of
from explorer.jobs.snapshot import Snapshot
from explorer.questions import EvaluateQuestion, TracesQuestion
from explorer.runs import Run
from explorer.studies import AnyStudy
from explorer.ui.shell import caches, session

_REDRAW: ContextVar[dict[str, Snapshot] | None] = ContextVar("snapshots_of_this_redraw", default=None)


@contextmanager
def read_once() -> Iterator[None]:
    """One redraw of a page, within which `runs` reads the store once a study, and a study's files are looked at once."""
    token = _REDRAW.set({})
    try:
        with caches.one_look():
            yield
    finally:
        _REDRAW.reset(token)


def runs(study: AnyStudy) -> Snapshot:
    """Runs of a study: as they were at the start of a redraw, or as they are now where a fragment polls."""
    redraw = _REDRAW.get()
    if redraw is None:
        return caches.snapshot(study.fingerprint)
    if study.fingerprint not in redraw:
        redraw[study.fingerprint] = caches.snapshot(study.fingerprint)
    return redraw[study.fingerprint]


def runs_of(study: AnyStudy, kind: str) -> list[Run]:
    """Runs of one kind on a study as it is now, newest first."""
    return list(runs(study).list(kind=kind))


def full_precision(study: AnyStudy) -> dict[str, Any] | None:
    """Loss and accuracy of the FP32 network, if they were measured."""
    if not study.has_network:
        return None
    run = runs(study).find(spec_of(study, EvaluateQuestion()))
    return run.result if run is not None and run.status == "done" else None


def traces(study: AnyStudy, granularity: Granularity, of: str = "weights") -> Run | None:
    """The finished run of traces with the smallest error."""
    found = answers.best(runs(study), study, TracesQuestion(granularity=granularity, of=of))
    return None if found is None else found.run


def is_of(run: Run, granularity: Granularity, of: str) -> bool:
    """Whether a traces run is of these blocks and of weights or of activations."""
    asked = run.spec.parameters
    return asked.get("granularity", "layer") == granularity and asked.get("of", "weights") == of


def basis() -> Basis | None:
    """What Ω of the current study is computed from; None while there are no traces for the current blocks."""
    return basis_of(runs(session.study()), session.study(), session.granularity())


def sizes(blocks: tuple[Block, ...]) -> dict[str, int]:
    """Block to number of weights."""
    return {block.name: block.weights for block in blocks}


def trace_blocks(run: Run) -> list[dict[str, Any]]:
    """Estimates of a traces run: the final ones, or the latest so far."""
    if run.result is not None:
        return list(run.result["blocks"])
    points = caches.store().points(run.id, "blocks")
    return list(points[-1]["blocks"]) if points else []
