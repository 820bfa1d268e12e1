"""The run kind ``finetune``: quantization-aware training of a plan.

Asked by `questions.FinetuneQuestion`; its series are those of `qat.finetuning`. Keeps the tensors of the network that
was chosen, under the names of the study's network, and beside them what each weight is stored as
(``<layer>.stored_weight.integers`` and so on, see `quantizers.stored`). Keeps too what every test sample is worth
without training and after it (``tested``), by which trainings are compared image by image.

Stages go by the damage of the blocks as finished runs of the study know it: by measured products, else by traces.
"""

from collections.abc import Sequence

from explorer import plans, qat
from explorer.blocks import Block, Granularity
from explorer.curvature import Traces
from explorer.errors import RunError
from explorer.evaluation.per_sample import stacked
from explorer.jobs.requests import spec_of
from explorer.plans import DamageTable, Plan, read_plan
from explorer.plans.damage.measured import MeasuredDamage
from explorer.qat.record import TrainingRecord
from explorer.quantizers.grid import FLOAT_BITS
from explorer.questions import DamageQuestion, FinetuneQuestion, TracesQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study

TRAINED, TESTED = "trained", "tested"


def run(study: Study, question: FinetuneQuestion, context: RunContext) -> TrainingRecord:
    """Train, measure before and after, keep the weights."""
    partitions = (study.blocks(), study.blocks("module"))
    plan, blocks = read_plan(dict(question.plan), study=study, partitions=partitions)
    order = None
    if question.stages > 1:
        order = _order(study, plan, blocks, context)
        if question.stage_order == "ascending":
            order.reverse()
    result = qat.finetune(study, plan, blocks, question, order=order, watcher=context)
    trained = context.keep(TRAINED, result.network.state_dict())
    context.keep(TESTED, {name: each.float() for name, each in stacked(result.samples).items()})
    return TrainingRecord(
        before=result.before,
        after=result.after,
        weights_artifact=trained,
        plan=plan.to_json(),
        seconds=result.seconds,
        epochs=result.epochs,
        kept=result.kept,
        candidates=result.candidates,
        held_out=result.held_out,
    )


def _order(study: Study, plan: Plan, blocks: Sequence[Block], context: RunContext) -> list[str]:
    """Names of the blocks, the most damaged by their widths in the plan first.

    Raises:
        RunError: neither products nor traces of these blocks were computed.
    """
    granularity: Granularity = "layer" if tuple(blocks) == study.blocks() else "module"
    table = _table(study, plan, granularity, context)
    if table is None:
        raise RunError(
            f"stages go by the damage of the blocks, and that of {study.name} is not known yet; compute its traces "
            "on the Sensitivity page or with the command traces, or train in one stage"
        )
    damage = {name: table.at(name, bits) if bits != FLOAT_BITS else 0.0 for name, bits in plan.w_bits.items()}
    return sorted(damage, key=lambda name: damage[name], reverse=True)


def _table(study: Study, plan: Plan, granularity: Granularity, context: RunContext) -> DamageTable | None:
    """Damage of the plan's widths by finished runs."""
    known = context.result_of(spec_of(study, DamageQuestion(measure="product", granularity=granularity)))
    if known is not None:
        table = MeasuredDamage.from_json(known).table
        if all(bits in (FLOAT_BITS, *table.values[name]) for name, bits in plan.w_bits.items()):
            return table
    asked = TracesQuestion(granularity=granularity)
    found = context.result_of(spec_of(study, asked))
    if found is None:
        for run in context.runs_of(TracesQuestion.kind, version=TracesQuestion.version):
            of = TracesQuestion.from_parameters(run.spec.parameters)
            if of.of == "weights" and of.granularity == granularity:
                found = run.result
                break
    if found is None:
        return None
    return plans.study_damage(
        study, Traces.from_json(found), "trace", set(plan.w_bits.values()) - {FLOAT_BITS}
    )[1]
