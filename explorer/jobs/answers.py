"""Answers: which run answers a question. Page, command line, notebook and report ask here and get the same.

The very run of a question answers it, in whatever state it is. Where there is none, another run may: one about the
same thing that differs in its `Question.free` options, such as how precise it is. Of those a live one comes first,
since it is what a person waits for; then the best finished one, by the kind's own order.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from explorer.errors import ExplorerError
from explorer.jobs import registry
from explorer.jobs.requests import Known, spec_of
from explorer.jobs.versions import is_older
from explorer.questions import Question
from explorer.runs.run import Run
from explorer.runs.spec import RunSpec

How = Literal["asked", "live", "best"]


class Records(Protocol):
    """Whoever knows the runs: the store, or a `explorer.jobs.snapshot.Snapshot` of one study's."""

    def find(self, spec: RunSpec) -> Run | None: ...

    def list(self, *, fingerprint: str | None = None, kind: str | None = None) -> tuple[Run, ...]: ...


@dataclass(frozen=True)
class Answer:
    """A run that answers a question.

    Attributes:
        run: done, live or ended early.
        question: that the run was asked; it differs from the one to be answered unless ``how`` is ``asked``.
        how: ``asked`` for the very run, ``live`` for one at work on something close, ``best`` for the best finished.
    """

    run: Run
    question: Question
    how: How

    @property
    def result(self) -> Any:
        """Typed result of a run that is done; None before."""
        return None if self.run.result is None else registry.result(self.run.spec.kind, self.run.result)


def answer(store: Records, study: Known, question: Question) -> Answer | None:
    """The run that answers a question to a study as it is now, if there is one."""
    exact = store.find(spec_of(study, question))
    if exact is not None:
        return Answer(exact, question, "asked")
    if not question.free:
        return None
    about = question.about()
    close = [each for each in asked(store, study, question.kind) if each.question.about() == about]
    for each in close:
        if each.run.live:
            return Answer(each.run, each.question, "live")
    return max(
        (Answer(each.run, each.question, "best") for each in close if each.run.status == "done"),
        key=_worth,
        default=None,
    )


def best(store: Records, study: Known, question: Question) -> Answer | None:
    """The best finished run about what a question is about, the very one included; for what builds on a result."""
    about = question.about()
    close = [
        each
        for each in asked(store, study, question.kind)
        if each.run.status == "done" and each.question.about() == about
    ]
    return max(close, key=_worth, default=None)


def result_of(store: Records, study: Known, question: Question) -> Any:
    """Typed result of the very run of a question if it is done; None otherwise."""
    run = store.find(spec_of(study, question))
    if run is None or run.result is None:
        return None
    return registry.result(question.kind, run.result)


def asked(store: Records, study: Known, kind: str) -> list[Answer]:
    """Runs of one kind on a study as it is now with their questions, the newest first.

    Runs made by another version of the kind, or with options that this version does not know, are left out, and so are
    those that cannot be read.
    """
    found = []
    for run in store.list(fingerprint=study.fingerprint, kind=kind):
        if run.status != "unreadable" and not is_older(run):
            try:
                found.append(Answer(run, registry.question(run.spec), "asked"))
            except ExplorerError:  # recorded with an option that is gone
                continue
    return found


def _worth(one: Answer) -> tuple[float, ...]:
    order = _ORDERS.get(one.run.spec.kind)
    return () if order is None else order(one)


def _by_worst_error(one: Answer) -> tuple[float, ...]:
    """Traces: the smaller the relative error of the worst block, the better."""
    blocks = (one.run.result or {}).get("blocks", [])
    errors = [block["stderr"] / abs(block["trace"]) for block in blocks if block["stderr"]]
    return (-max(errors, default=0.0 if blocks else math.inf),)


def _by_points(one: Answer) -> tuple[float, ...]:
    """Slices and surfaces: the finer the better."""
    return (one.question.options()["points"],)


def _by_samples(one: Answer) -> tuple[float, ...]:
    """Eigenvalues and spectra: the more samples the better, all of them (None) the best."""
    samples = one.question.options()["samples"]
    return (math.inf if samples is None else samples,)


_ORDERS: Mapping[str, Callable[[Answer], tuple[float, ...]]] = {
    "traces": _by_worst_error,
    "landscape": _by_points,
    "lapq_surface": _by_points,
    "eigenvalues": _by_samples,
    "spectrum": _by_samples,
}
