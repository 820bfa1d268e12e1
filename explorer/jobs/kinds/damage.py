"""The run kind ``damage``: damage of each width of each block, by a measure that is computed from the network.

Options: those of `DamageQuestion`; for ``activation`` the samples are those of the traces, which go to their own
precision. The result has the table as `DamageTable.to_json` gives it; for ``activation`` and ``activation-product``
only its part about activations.

What other runs have found already is not computed again: finished ``eigenvalues`` of the same rows, finished
``traces`` of the activations, and which rows carry the curvature, that finished ``traces`` of the weights were drawn
by. A search for eigenvalues that was interrupted goes on after the blocks it has.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from explorer.curvature import Eigenvalues, Traces, activation_traces
from explorer.curvature.input_forms import DRAWS as INPUT_DRAWS
from explorer.jobs.kinds.traces import DRAWS
from explorer.jobs.requests import spec_of
from explorer.plans import DamageTable
from explorer.plans.damage.measured import MeasuredDamage
from explorer.plans.damage.measures import (
    activation_damage,
    activation_products,
    eigenvalue_damage,
    largest_eigenvalues,
    product_damage,
)
from explorer.quantizers import QuantizerSettings
from explorer.questions import DamageQuestion, EigenvaluesQuestion, TracesQuestion
from explorer.questions.damage import EIGEN_ROWS
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.timing import Timed
from explorer.watching import Part, Saved, Watcher

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor


def run(study: Study, question: DamageQuestion, context: RunContext) -> MeasuredDamage:
    """Compute the table."""
    started = time.monotonic()
    watcher = Resumable(Timed(context), 0.0, 1.0)
    blocks = study.blocks(question.granularity)
    quantizer = QuantizerSettings(**dict(question.quantizer))
    samples = 0
    if question.measure == "activation":
        traces = activations(context, watcher, study, question.granularity)
        table = DamageTable({}, {}, {}).with_activation(
            *activation_damage(study, traces, blocks, question.bits, seed=question.seed)
        )
    elif question.measure == "activation-product":
        samples = question.samples or INPUT_DRAWS
        figures = activation_products(
            study,
            blocks,
            question.bits,
            samples=samples,
            seed=question.seed,
            proposal=proposal(context, study),
            watcher=watcher,
        )
        table = DamageTable({}, {}, {}).with_activation(*figures)
    elif question.measure == "product":
        table = product_damage(
            study,
            blocks,
            question.bits,
            quantizer=quantizer,
            samples=question.samples,
            seed=question.seed,
            rel_se=question.rel_se,
            proposal=proposal(context, study),
            watcher=watcher,
        )
        samples = table.correlations.draws if table.correlations is not None else 0
    else:
        samples = question.samples or EIGEN_ROWS
        found = eigenvalues(context, watcher, study, question.granularity, samples)
        table = eigenvalue_damage(study, found, blocks, question.bits, quantizer)
    return MeasuredDamage(
        study.name,
        question.measure,
        question.granularity,
        samples,
        quantizer,
        table,
        time.monotonic() - started,
    )


class Resumable(Part):
    """Part of a run whose state is the run's; its points are not."""

    def save(self, tensors: "Mapping[str, Tensor | np.ndarray]", state: Mapping[str, Any]) -> None:
        self.whole.save(tensors, state)

    def restore(self) -> Saved | None:
        return self.whole.restore()


def proposal(context: RunContext, study: Study) -> "Tensor | None":
    """With which probability the rows are drawn by finished traces of the weights, (N,); None without such traces.

    It goes by the outputs, so that it is the same whatever the blocks, the precision and the seed.
    """
    for run in context.runs_of(TracesQuestion.kind, version=TracesQuestion.version):
        asked = TracesQuestion.from_parameters(run.spec.parameters)
        if asked.of == "weights" and (run.result or {}).get("method") == "output-probes":
            draws = context.tensors_of(run, DRAWS)
            if draws is not None and len(draws["proposal"]) == study.data.size("train"):
                return draws["proposal"]
    return None


def eigenvalues(
    context: RunContext, watcher: Watcher, study: Study, granularity: Any, samples: int
) -> Eigenvalues:
    """The largest eigenvalue of every block; an interrupted search goes on."""
    seed = context.spec.seed
    for whole in (True, False):
        spec = spec_of(
            study, EigenvaluesQuestion(granularity=granularity, samples=samples, whole=whole, seed=seed)
        )
        known = context.result_of(spec)
        if known is not None:
            return Eigenvalues.from_json(known)
    return largest_eigenvalues(study, study.blocks(granularity), samples=samples, seed=seed, watcher=watcher)


def activations(context: RunContext, watcher: Watcher, study: Study, granularity: Any) -> Traces:
    """The traces of the activations; an interrupted computation goes on."""
    question = TracesQuestion(of="activations", granularity=granularity, seed=context.spec.seed)
    known = context.result_of(spec_of(study, question))
    return activation_traces(study, question, watcher=watcher) if known is None else Traces.from_json(known)
