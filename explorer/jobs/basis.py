"""What Ω of a study is computed from, by what was computed so far: traces, and damage measured in runs of its own."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from explorer import plans
from explorer.blocks import Granularity
from explorer.curvature import Traces
from explorer.errors import PlanError
from explorer.estimates import Estimate
from explorer.jobs import answers
from explorer.jobs.requests import spec_of
from explorer.jobs.snapshot import Snapshot
from explorer.plans import ALLOWED_BITS, DamageTable, Measure, Plan
from explorer.questions import DamageQuestion, FrontierQuestion, TracesQuestion
from explorer.questions.damage import DamageMeasure
from explorer.runs import Run
from explorer.studies import AnyStudy

_MEASURED = ("product", "lambda-max")
TABULATED = tuple(bits for bits in ALLOWED_BITS if bits <= 16)  # widths of a damage table


@dataclass(frozen=True, eq=False)
class Basis:
    """Traces and damage table Ω is computed from; ``key`` identifies them.

    Attributes:
        key: names the runs; another basis has another.
        traces: of the weights; None for a profile study, which brings its own.
        table: the damage where it was measured.
    """

    key: str
    traces: Traces | None
    table: DamageTable | None = None

    def omega(self, plan: Plan) -> Estimate | None:
        """Ω of a plan with its standard error; None where the damage at one of its widths is not known."""
        if self.table is None or set(self.table.values) != set(plan.blocks):
            return None
        bits = plan.w_bits, plan.a_bits
        try:
            return Estimate(self.table.omega(*bits), self.table.omega_stderr(*bits))
        except PlanError:  # some of its widths were not measured
            return None


def basis_of(runs: Snapshot, study: AnyStudy, granularity: Granularity) -> Basis | None:
    """The basis of a study: its best traces, or a profile's own; None while there are no traces."""
    if not study.has_network:
        return Basis(study.fingerprint, None)
    found = answers.best(runs, study, TracesQuestion(granularity=granularity))
    if found is None:
        return None
    finished = "" if found.run.finished is None else found.run.finished.isoformat()
    return Basis(f"{study.fingerprint} {found.run.id} {finished}", runs.result(found.run))


def further(
    study: AnyStudy, question: FrontierQuestion, granularity: Granularity
) -> dict[str, DamageQuestion]:
    """Questions to the network that a question to the frontier rests on besides the traces, by measure."""
    if not study.has_network:
        return {}
    measure = question.damage or plans.usual_measure(study)
    needed = [measure] if measure in _MEASURED else []
    measures = [*needed, *([activation_measure(measure)] if question.a_menu else [])]
    return {name: DamageQuestion(measure=name, granularity=granularity) for name in measures}


def activation_measure(measure: Measure) -> DamageMeasure:
    """By which the damage of activations is predicted beside that of the weights: products beside products."""
    return "activation-product" if measure == "product" else "activation"


def narrow(question: FrontierQuestion) -> bool:
    """Whether activations may have fewer than the usual 8 bits without being chosen block by block."""
    rule = plans.activation_rule(question)
    return rule == "weights" or rule < plans.ACTIVATION_BITS


def welcome(
    study: AnyStudy, question: FrontierQuestion, granularity: Granularity
) -> dict[str, DamageQuestion]:
    """Questions whose answers make Ω more complete and which it can do without, by measure.

    Activations that are narrower than 8 bits do damage of their own; where nobody chooses their widths, a frontier of
    the weights' damage alone is still one.
    """
    if not study.has_network or question.a_menu or not narrow(question):
        return {}
    measure = activation_measure(question.damage or plans.usual_measure(study))
    return {measure: DamageQuestion(measure=measure, granularity=granularity)}


def measured(
    runs: Snapshot, study: AnyStudy, question: FrontierQuestion, granularity: Granularity
) -> dict[str, Run] | None:
    """Finished runs of what `further` asks, and of what is `welcome`; None while one of the former is missing."""
    found = {}
    for measure, asked in further(study, question, granularity).items():
        run = runs.find(spec_of(study, asked))
        if run is None or run.status != "done":
            return None
        found[measure] = run
    for measure, asked in welcome(study, question, granularity).items():
        run = runs.find(spec_of(study, asked))
        if run is not None and run.status == "done":
            found[measure] = run
    return found


def with_damage(
    study: AnyStudy,
    question: FrontierQuestion,
    basis: Basis,
    found: Mapping[str, Run],
    widths: tuple[int, ...],
) -> Basis:
    """The basis with its damage table: of measured runs, else computed from the traces or from the errors alone.

    Args:
        found: what `measured` found.
        widths: of which the damage of the weights is tabulated where it was not measured.
    """
    tables = {measure: DamageTable.from_json((run.result or {})["table"]) for measure, run in found.items()}
    measure = question.damage or plans.usual_measure(study)
    table = tables.get(measure)
    if table is None:
        table = plans.study_damage(study, basis.traces, measure, widths)[1]
    if (inputs := tables.get(activation_measure(measure))) is not None:
        table = table.with_activation(inputs.activation, inputs.activation_stderr)
    return replace(basis, key=" ".join([basis.key, *(run.id for run in found.values())]), table=table)


def usual(runs: Snapshot, study: AnyStudy, granularity: Granularity) -> tuple[FrontierQuestion, Basis] | None:
    """The question and the basis where nobody chose a measure: ΔWᵀHΔW where it was computed, else the mean trace.

    None where neither was computed for the blocks.
    """
    basis = basis_of(runs, study, granularity)
    if basis is None:
        return None
    measures: tuple[Measure, ...] = ("product", "trace") if study.has_network else ("trace",)
    for measure in measures:
        question = FrontierQuestion(damage=measure)
        found = measured(runs, study, question, granularity)
        if found is not None:
            return question, with_damage(study, question, basis, found, TABULATED)
    return None
