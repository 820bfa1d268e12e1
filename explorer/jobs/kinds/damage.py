"""The run kind ``damage``: what each width of each block does, by a measure that is computed from the network.

Parameters: ``measure`` (``lambda-max``, ``product`` or ``activation``), ``bits``, ``granularity``, ``samples``
(training rows; for ``activation`` those of the traces go to their own precision) and ``quantizer`` (of the
weights); the seed is the spec's. The result has the table as `DamageTable.to_json` gives it; for ``activation``
only its part about activations.

What other runs have found already is not computed again: finished ``eigenvalues`` of the same rows, finished
``traces`` of the activations. A search for eigenvalues that was interrupted goes on after the blocks it has.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from explorer.curvature import Traces, TracesProgress, activation_traces
from explorer.jobs.requests import spec_of
from explorer.jobs.timing import TimeLeft
from explorer.plans import DamageTable
from explorer.plans.damage.measures import (
    activation_damage,
    eigenvalue_damage,
    largest_eigenvalues,
    product_damage,
)
from explorer.quantizers import QuantizerSettings
from explorer.questions import DamageQuestion, EigenvaluesQuestion, TracesQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: DamageQuestion, context: RunContext) -> dict[str, Any]:
    """Compute the table."""
    started = time.monotonic()
    asked: dict[str, Any] = question.options()
    watching = Watching(context)
    blocks = study.blocks(asked["granularity"])
    quantizer = QuantizerSettings(**dict(question.quantizer))
    common: dict[str, Any] = {
        "seed": context.spec.seed,
        "progress": watching.progress,
        "should_stop": watching.should_stop,
    }
    if asked["measure"] == "activation":
        traces = activations(context, watching, study, asked["granularity"])
        table = DamageTable({}, {}, {}).with_activation(
            *activation_damage(study, traces, blocks, asked["bits"], seed=context.spec.seed)
        )
    elif asked["measure"] == "product":
        table = product_damage(
            study, blocks, asked["bits"], quantizer=quantizer, samples=asked["samples"], **common
        )
    else:
        records = eigenvalues(context, watching, study, asked["granularity"], asked["samples"])
        table = eigenvalue_damage(study, records, blocks, asked["bits"], quantizer)
    return {
        "study": study.name,
        **{key: asked[key] for key in ("measure", "granularity", "samples")},
        "quantizer": asdict(quantizer),
        "table": table.to_json(),
        "seconds": time.monotonic() - started,
    }


class Watching:
    """A run's context as what a measure tells and asks, while the run goes from one fraction to another."""

    def __init__(self, context: RunContext, start: float = 0.0, end: float = 1.0) -> None:
        self._context, self._start, self._end = context, start, end
        self._left = TimeLeft()

    def progress(self, fraction: float, message: str) -> None:
        whole = self._start + fraction * (self._end - self._start)
        left = self._left(fraction) if self._end == 1 else ""
        self._context.report(whole, f"{message}{left}")

    def should_stop(self) -> bool:
        self._context.check_stop()  # raises out of the computation, however long a product takes
        return False


def eigenvalues(
    context: RunContext, watching: Watching, study: Study, granularity: Any, samples: int
) -> list[Mapping[str, Any]]:
    """The largest eigenvalue of every block; an interrupted search goes on."""
    seed = context.spec.seed
    for whole in (True, False):
        spec = spec_of(
            study, EigenvaluesQuestion(granularity=granularity, samples=samples, whole=whole, seed=seed)
        )
        known = context.result_of(spec)
        if known is not None:
            return list(known["eigenvalues"])
    saved = context.restore()
    return largest_eigenvalues(
        study,
        study.blocks(granularity),
        samples=samples,
        seed=seed,
        known=() if saved is None else saved.state["found"],
        on_found=lambda found: context.save({}, {"found": [dict(record) for record in found]}),
        progress=watching.progress,
        should_stop=watching.should_stop,
    )


def activations(context: RunContext, watching: Watching, study: Study, granularity: Any) -> Traces:
    """The traces of the activations."""
    seed = context.spec.seed
    known = context.result_of(
        spec_of(study, TracesQuestion(of="activations", granularity=granularity, seed=seed))
    )
    if known is not None:
        return Traces.from_json(known)

    def progress(now: TracesProgress) -> None:
        watching.progress(now.fraction, now.message)

    return activation_traces(
        study, granularity=granularity, seed=seed, progress=progress, should_stop=watching.should_stop
    )
