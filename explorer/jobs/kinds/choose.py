"""The run kind ``choose``: the smallest plan of a frontier that loses at most so much accuracy.

Options: those of `ChooseQuestion`. Traces and damage that finished runs have are taken from there, the others are
computed first, and anew where that was interrupted. After that a run that is interrupted goes on after the last
comparison that it measured, with the same frontier.
"""

from explorer import plans
from explorer.choosing import Choice, Notes, choose
from explorer.curvature import Traces, activation_traces, weight_traces
from explorer.jobs.basis import activation_measure, further, welcome
from explorer.jobs.requests import spec_of
from explorer.plans import DamageTable, FrontierQuestion
from explorer.quantizers import FLOAT_BITS
from explorer.questions import ChooseQuestion, DamageQuestion, TracesQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.timing import Timed
from explorer.watching import Part

_FIRST = 0.3  # share of the work, of the damage, where it is computed here


def run(study: Study, question: ChooseQuestion, context: RunContext) -> Choice:
    """Find the damage, then search."""
    blocks = study.blocks(question.granularity)
    saved = context.restore()
    notes: Notes = {}
    if saved is not None and "table" in saved.state:
        table, notes = DamageTable.from_json(saved.state["table"]), dict(saved.state["notes"])
    else:
        table = _table(study, question, context)
    kept = table.to_json()
    return choose(
        study,
        blocks,
        plans.frontier(study, question=question.frontier, damage=table),
        max_drop=question.max_drop,
        samples=question.samples,
        refined=question.refine,
        lapq=question.steps == "lapq",
        seed=question.seed,
        notes=notes,
        on_note=lambda: context.save({}, {"table": kept, "notes": notes}),
        watcher=Part(Timed(context), _FIRST, 1.0),
    )


def _table(study: Study, question: ChooseQuestion, context: RunContext) -> DamageTable:
    """Damage of every width that a plan may have, by the measure that was asked for."""
    asked, granularity = question.frontier, question.granularity
    measure = asked.damage or plans.usual_measure(study)
    # Activations that a cost makes narrow do damage of their own: it counts as the plan that is measured has it.
    needed = further(study, asked, granularity) | welcome(study, asked, granularity)
    measured = {name: _measured(study, each, asked, context) for name, each in needed.items()}
    table = measured.get(measure)
    if table is None:
        blocks, widths = study.blocks(granularity), widths_of(asked)
        table = (
            plans.network_damage(study, _traces(study, question, context), blocks, widths)
            if measure == "trace"
            else plans.error_damage(plans.network_errors(study, blocks, widths))
        )
    if (inputs := measured.get(activation_measure(measure))) is not None:
        table = table.with_activation(inputs.activation, inputs.activation_stderr)
    return table


def widths_of(asked: FrontierQuestion) -> list[int]:
    """The widths that a plan may give a block's weights."""
    ends = [] if asked.first_last_at is None else [asked.first_last_at]
    return sorted({*(asked.bits or plans.MENU), *asked.keep.values(), *ends})


def _traces(study: Study, question: ChooseQuestion, context: RunContext) -> Traces:
    asked = TracesQuestion(granularity=question.granularity, seed=question.seed)
    known = context.result_of(spec_of(study, asked))
    if known is not None:
        return Traces.from_json(known)
    return weight_traces(study, asked, watcher=Part(context, 0.0, _FIRST))


def _measured(
    study: Study, damage: DamageQuestion, asked: FrontierQuestion, context: RunContext
) -> DamageTable:
    """A finished run's table, or one computed now."""
    watcher, blocks = Part(context, 0.0, _FIRST), study.blocks(damage.granularity)
    if damage.measure == "activation-product":
        question = damage.but(seed=context.spec.seed)
        known = context.result_of(spec_of(study, question))
        if known is not None:
            return DamageTable.from_json(known["table"])
        figures = plans.activation_products(
            study, blocks, question.bits, samples=question.samples, seed=question.seed, watcher=watcher
        )
        return DamageTable({}, {}, {}).with_activation(*figures)
    if damage.measure == "activation":
        question = damage.but(seed=context.spec.seed)
        known = context.result_of(spec_of(study, question))
        if known is not None:
            return DamageTable.from_json(known["table"])
        inputs = TracesQuestion(of="activations", granularity=damage.granularity, seed=question.seed)
        known = context.result_of(spec_of(study, inputs))
        traces = (
            activation_traces(study, inputs, watcher=watcher) if known is None else Traces.from_json(known)
        )
        figures = plans.activation_damage(study, traces, blocks, question.bits, seed=question.seed)
        return DamageTable({}, {}, {}).with_activation(*figures)
    bits = sorted({*damage.bits, *widths_of(asked)} - {FLOAT_BITS})
    question = damage.but(bits=bits, seed=context.spec.seed)
    known = context.result_of(spec_of(study, question))
    if known is not None:
        return DamageTable.from_json(known["table"])
    return plans.measured_damage(
        study, damage.measure, blocks, bits, samples=question.samples, seed=question.seed, watcher=watcher
    )
