"""The run kind ``export``: files of a quantized network, read back, and what it is worth where it runs.

Options: those of `ExportQuestion`. Keeps the files' bytes, the manifest's included, as the artifact ``files``.
"""

import json
import tempfile
from pathlib import Path

import numpy as np

from explorer.errors import ExportError, RunError
from explorer.export import Options, Subject, export
from explorer.export.manifest import NAME
from explorer.export.record import ExportRecord
from explorer.jobs.exports import FILES
from explorer.jobs.kinds.finetune import TRAINED
from explorer.jobs.telling.trained import trained_plan
from explorer.plans import PlanValue, read_plan
from explorer.plans.plan.value import measure_plan
from explorer.quantizers.deployed import deploy
from explorer.questions import ExportQuestion, FinetuneQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches


def run(study: Study, question: ExportQuestion, context: RunContext) -> ExportRecord:
    """Write, read back, measure."""
    context.report(0.0, "preparing the network")
    subject = subject_of(study, question, context)
    context.check_stop()
    context.report(0.1, "writing the files and reading them back")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "exported"
        export(subject, question.format, out)
        found = {path.name: path.read_bytes() for path in sorted(out.iterdir())}
    context.check_stop()
    own = _measured(subject, context, 0.4, "measuring the plan")
    deployed, refused = None, ""
    try:
        ready = deploy(subject.network, calibration_batches(study))
        deployed = _measured(
            Subject(study, subject.plan, subject.blocks, ready.network, subject.options),
            context,
            0.7,
            "measuring what runs",
        )
    except ExportError as error:
        refused = str(error)
    kept = context.keep(
        FILES,
        {
            name: np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
            for name, data in found.items()
        },
    )
    return ExportRecord(json.loads(found[NAME]), own, deployed, refused, kept)


def subject_of(study: Study, question: ExportQuestion, context: RunContext) -> Subject:
    """The network that is asked for.

    Raises:
        RunError: there is no such training of this study, or its tensors are gone.
    """
    options = Options(question.flavour, question.carrier, question.tried)
    if question.plan is not None:
        plan, blocks = read_plan(
            question.plan, study=study, partitions=(study.blocks(), study.blocks("module"))
        )
        return Subject.untrained(study, plan, blocks, options)
    for training in context.runs_of(FinetuneQuestion.kind, version=FinetuneQuestion.version):
        if training.id == question.run:
            state = context.tensors_of(training, TRAINED)
            if state is None:
                raise RunError(f"the weights of run {training.id} are gone; train its plan again")
            of = trained_plan(study, training)
            return Subject(study, of.plan, of.blocks, of.network(state), options, training.id)
    raise RunError(
        f"run {question.run} is no finished training of {study.name} as it is now; name one that Results shows"
    )


def _measured(subject: Subject, context: RunContext, start: float, message: str) -> PlanValue:
    def progress(share: float) -> None:
        context.check_stop()
        context.report(start + 0.3 * share, message)

    return measure_plan(subject.network, subject.study, subject.plan, subject.blocks, progress=progress)
