"""Asking the store for results the pages show."""

import math
from typing import Any

from explorer.blocks import Block, Granularity
from explorer.curvature import Traces
from explorer.jobs.requests import spec_of
from explorer.plans import DamageTable
from explorer.questions import EvaluateQuestion
from explorer.runs import Run
from explorer.studies import AnyStudy
from explorer.ui.shell import caches, session
from explorer.ui.shell.caches import Basis


def runs_of(study: AnyStudy, kind: str) -> list[Run]:
    """Runs of one kind on a study as it is now, newest first."""
    return list(caches.store().list(fingerprint=study.fingerprint, kind=kind))


def full_precision(study: AnyStudy) -> dict[str, Any] | None:
    """Loss and accuracy of the FP32 network, if they were measured."""
    if not study.has_network:
        return None
    run = caches.store().find(spec_of(study, EvaluateQuestion()))
    return run.result if run is not None and run.status == "done" else None


def traces(study: AnyStudy, granularity: Granularity, of: str = "weights") -> Run | None:
    """The finished traces whose worst block has the smallest relative error, the newest among equals."""
    found = [run for run in runs_of(study, "traces") if is_of(run, granularity, of)]
    return min((run for run in found if run.status == "done"), key=_worst, default=None)


def is_of(run: Run, granularity: Granularity, of: str) -> bool:
    """Whether a traces run is of these blocks and of weights or of activations."""
    asked = run.spec.parameters
    return asked.get("granularity", "layer") == granularity and asked.get("of", "weights") == of


def _worst(run: Run) -> float:
    blocks = (run.result or {})["blocks"]
    errors = [block["stderr"] / abs(block["trace"]) for block in blocks if block["stderr"]]
    return max(errors, default=0.0 if blocks else math.inf)


def basis() -> Basis | None:
    """What Ω of the current study rests on: its traces; a profile brings its own.

    None while nobody has computed traces for the current partition.
    """
    study = session.study()
    if not study.has_network:
        return Basis(study.fingerprint, None)
    run = traces(study, session.granularity())
    if run is None or run.result is None:
        return None
    return Basis(f"{study.fingerprint} {run.id}", Traces.from_json(run.result))


def damage() -> DamageTable | None:
    """Ω of every block at every width, or None before there are traces."""
    found = basis()
    return None if found is None else caches.damage(session.reference(), found.key, found.traces)


def sizes(blocks: tuple[Block, ...]) -> dict[str, int]:
    """Block to number of weights."""
    return {block.name: block.weights for block in blocks}


def trace_blocks(run: Run) -> list[dict[str, Any]]:
    """The estimates of a traces run: the final ones, or the latest so far."""
    if run.result is not None:
        return list(run.result["blocks"])
    points = caches.store().points(run.id, "blocks")
    return list(points[-1]["blocks"]) if points else []
