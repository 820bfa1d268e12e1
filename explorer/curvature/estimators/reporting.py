"""Reports of a trace computation: what a watcher sees and keeps of its running sums, and the result."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

from explorer.curvature.operators.subject import Subject
from explorer.curvature.result import BlockTrace, Draws, Kept, Moment, Traces
from explorer.errors import CurvatureError
from explorer.estimates import RunningMeans, relative
from explorer.questions import TracesQuestion
from explorer.watching import Every, Stopped, Watcher

RECORD_SECONDS = 1.5  # between two points of the series, and two saved states

_ENDED = {"draws": "the samples allowed were used up", "seconds": "the time allowed was over"}
_APART = 1.07  # moments of the history are at least this factor of samples apart


@dataclass(frozen=True)
class Limits:
    """Limits of a computation that are no part of its question.

    Attributes:
        chunk: samples processed at once, else as many as fit comfortably.
        max_seconds: after which it ends with what was reached.
        clock: tells seconds.
    """

    chunk: int | None = None
    max_seconds: float | None = None
    clock: Callable[[], float] = time.monotonic


class Reporter:
    """Sums, draws and history of one computation, and the watcher that is told about them.

    Attributes:
        draws: the single draws so far; None until the method keeps some.
    """

    def __init__(
        self,
        subject: Subject,
        question: TracesQuestion,
        watcher: Watcher,
        resume: Kept | None,
        clock: Callable[[], float],
    ) -> None:
        self.subject = subject
        self._question = question
        self._watcher = watcher
        self._due = Every(RECORD_SECONDS, clock).due
        self._sums: dict[str, RunningMeans] = {}
        self._identity = {
            "of": question.of,
            "method": question.method,
            "seed": question.seed,
            "blocks": [block.name for block in subject.blocks],
            "samples_of_data": subject.size,
            "probes": question.probes,
            "jointly": question.jointly,
        }
        saved = watcher.restore()
        if saved is not None:
            resume = Kept.from_saved(saved.state, saved.tensors)
        self._resumed = _checked(None if resume is None else resume.state, self._identity)
        self.draws: Draws | None = None if resume is None else resume.draws
        self._history = [Moment.from_json(record) for record in self._resumed.get("history", ())]
        self._before = float(self._resumed.get("seconds", 0.0))
        self._clock = clock
        self._started = clock()

    @property
    def seconds(self) -> float:
        """Time spent so far, earlier attempts included."""
        return self._before + self._clock() - self._started

    def means(self, name: str) -> RunningMeans:
        """Running means of this name, from the resumed state where it has them."""
        stored = self._resumed.get("sums", {}).get(name)
        self._sums[name] = RunningMeans() if stored is None else RunningMeans.from_state(stored)
        return self._sums[name]

    def keep(self, proposal: Tensor, positions: Tensor, values: Tensor) -> None:
        """Keep single draws, as in `Draws`."""
        if self.draws is None:
            self.draws = Draws(proposal, positions, values)
        else:
            self.draws = self.draws.with_more(positions, values)

    def kept(self) -> Kept:
        """State to resume from."""
        sums = {name: means.state() for name, means in self._sums.items()}
        state = {
            **self._identity,
            "seconds": self.seconds,
            "sums": {**self._resumed.get("sums", {}), **sums},
            "history": [asdict(moment) for moment in self._history],
        }
        return Kept(state, self.draws)

    def say(
        self,
        fraction: float,
        message: str,
        values: Sequence[float] = (),
        errors: Sequence[float] = (),
        samples: int = 0,
        probes: int = 0,
    ) -> None:
        """Tell the watcher how far it is, and now and then the estimates."""
        self._watcher.report(min(1.0, fraction), message)
        if not values:
            return
        self._record(values, errors, samples, probes)
        if self._due():
            blocks = self._blocks(values, errors, samples)
            self._watcher.point("blocks", {"blocks": [asdict(block) for block in blocks]})
            self._save()

    def check_stop(self) -> None:
        """Let the watcher end the computation; what was drawn is saved first.

        Raises:
            Stopped: the watcher asked for it.
        """
        try:
            self._watcher.check_stop()
        except Stopped:
            if self.draws is not None or any(means.count for means in self._sums.values()):
                self._save()
            raise

    def _save(self) -> None:
        kept = self.kept()
        self._watcher.save(kept.tensors(), kept.state)

    def result(
        self,
        method: str,
        values: Sequence[float],
        errors: Sequence[float],
        samples: int,
        note: str,
        ended: str,
        probes: int = 0,
    ) -> Traces:
        """Result in which blocks whose error is above what was asked are named."""
        if len(values) == 0:
            return self.nothing(method, f"{note} Nothing was drawn because {_ENDED[ended]}.")
        self._record(values, errors, samples, probes, last=True)
        blocks = self._blocks(values, errors, samples)
        missing = tuple(b.name for b in blocks if relative(b.stderr, b.trace) > self._question.rel_se)
        if missing:
            shown = ", ".join(missing[:3]) + (" ..." if len(missing) > 3 else "")
            note += (
                f" {len(missing)} of {len(blocks)} blocks are not yet within {self._question.rel_se:.1%}, "
                f"because {_ENDED.get(ended, 'too few samples were drawn')}: {shown}"
            )
        return self._traces(method, blocks, note, missing)

    def nothing(self, method: str, note: str) -> Traces:
        """Result without estimates."""
        return self._traces(method, (), note, tuple(block.name for block in self.subject.blocks))

    def _traces(
        self, method: str, blocks: tuple[BlockTrace, ...], note: str, missing: tuple[str, ...]
    ) -> Traces:
        return Traces(
            study=self.subject.study.name,
            of=self._question.of,
            method=method,
            blocks=blocks,
            seconds=self.seconds,
            note=note,
            seed=self._question.seed,
            rel_se=self._question.rel_se,
            unfinished=missing,
            history=tuple(self._history),
            kept=self.kept(),
        )

    def _record(
        self,
        values: Sequence[float],
        errors: Sequence[float],
        samples: int,
        probes: int,
        *,
        last: bool = False,
    ) -> None:
        wide = self._columns(values, errors)
        before = self._history[-1].samples if self._history else 0
        if last and samples == before:
            return
        if last or samples >= _APART * before:
            traces, stderrs = wide[0], wide[1]
            if all(map(math.isfinite, stderrs)):
                self._history.append(Moment(samples, probes, self.seconds, tuple(traces), tuple(stderrs)))

    def _blocks(
        self, values: Sequence[float], errors: Sequence[float], samples: int
    ) -> tuple[BlockTrace, ...]:
        traces, stderrs, means = self._columns(values, errors)
        found = []
        for i, block in enumerate(self.subject.blocks):
            n = block.weights if self._question.of == "weights" else _activations(block.layers)
            mean = traces[i] / max(n, 1) if means is None else means[i]
            found.append(BlockTrace(block.name, n, traces[i], mean, stderrs[i], samples))
        return tuple(found)

    def _columns(
        self, values: Sequence[float], errors: Sequence[float]
    ) -> tuple[Sequence[float], Sequence[float], Sequence[float] | None]:
        """Traces, their errors, and mean traces where they were averaged on their own."""
        count = len(self.subject.blocks)
        return values[:count], errors[:count], values[count:] if len(values) > count else None


def _activations(layers: Sequence[Any]) -> int:
    return sum(int(torch.Size(layer.input_shape).numel()) * max(layer.calls, 1) for layer in layers)


def _checked(state: Mapping[str, Any] | None, identity: Mapping[str, Any]) -> Mapping[str, Any]:
    if not state:
        return {}
    for key, value in identity.items():
        if state.get(key) != value:
            raise CurvatureError(
                f"the state to resume from has {key} {state.get(key)!r} and this computation {value!r}; "
                f"start anew, or ask for the same"
            )
    return state
