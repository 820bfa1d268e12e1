"""What the plans are worth: without training, after it, and as integer arithmetic computes them; best ones marked."""

import html
from collections.abc import Mapping, Sequence
from math import hypot

from explorer.estimates import Estimate, within_noise
from explorer.figures.look import bytes_text, percent_text
from explorer.figures.plans import parallel
from explorer.figures.training import results as results_figure
from explorer.figures.training.results import Outcome
from explorer.jobs import answers
from explorer.jobs.telling import candidates
from explorer.jobs.telling.candidates import Candidate, Quantity
from explorer.plans import PlanValue, compression
from explorer.qat.record import TrainingRecord
from explorer.questions import EvaluateQuestion
from explorer.reports.commands import command, identity
from explorer.reports.material import Absent, Material
from explorer.reports.page import Part, Picture, Section, Table, Words
from explorer.runs import Run

LABELS: dict[Quantity, str] = {
    "size": "size (bytes)",
    "omega": "Ω",
    "accuracy": "{metric} (%)",
    "loss": "loss",
    "latency": "latency (ms)",
}


def section(of: Material) -> Section | Absent:
    """The table of results, arrows from before training to after it, and the candidates side by side."""
    rows, runs = _rows(of)
    if not of.plans:
        return Absent("Results of a plan", "")
    parts: list[Part] = []
    columns = ("", "size", "times smaller", "Ω", _metric(of), "less than FP32", "test loss")
    caption = (
        f"Ω: {of.damage[:1].lower()}{of.damage[1:]}. ± one standard error. Within noise: less than two standard errors of the difference, which are added as if both had "
        "looked at other samples."
    )
    parts.append(Table(columns, tuple(rows), caption))
    outcomes = [(_outcome(run)) for run in of.trainings]
    known = [each for each in outcomes if each is not None]
    full = _full(of)
    if known:
        reference = None if full is None or full.accuracy is None else (full.fp32_bytes, full.accuracy)
        figure = results_figure.figure(known, reference=reference, metric=of.study.metric.name, height=400)
        caption = "Each arrow is a training: from the plan without training to the plan after it. Bars are one standard error."
        parts.append(Picture(figure, caption))
    if of.comparison or len(of.candidates) > 2:
        parts += _side_by_side(of)
    missing = [words for words in (_not_measured(of), _not_deployed(of)) if words]
    parts += [Words(words) for words in missing]
    return Section("results", "Results before and after", tuple(parts), runs)


def _rows(of: Material) -> tuple[list[tuple[str, ...]], tuple[str, ...]]:
    full = _full(of)
    rows: list[tuple[str, ...]] = []
    runs: list[str] = []
    if full is not None:
        rows.append(("FP32", bytes_text(full.fp32_bytes), "1.00", "0", *_measured(of, full, None)))
    for name, (plan, blocks) in zip(of.names, of.plans, strict=True):
        size = candidates.of_plan(of.study, plan, blocks, runs=of.runs, omega=of.omega).values["size"].value
        omega = of.omega(plan)
        facts = (
            bytes_text(size),
            f"{compression(blocks, plan.w_bits):.2f}",
            "–" if omega is None else _text(omega),
        )
        for deployed, said in (
            (False, "without training"),
            (True, "without training, as integers compute it"),
        ):
            found = _value(of, EvaluateQuestion(plan=plan.to_json(), deployed=deployed))
            if found is None:
                if not deployed:
                    rows.append((f"{name}, {said}", *facts, "–", "–", "–"))
                continue
            value, used = found
            runs.append(used)
            rows.append((f"{name}, {said}", *facts, *_measured(of, value, full)))
    for run in of.trainings:
        record = TrainingRecord.from_json(run.result or {})
        each = next((c for c in of.candidates if c.key == f"run:{run.id}"), None)
        omega = None if each is None else each.values.get("omega")
        told = "–" if omega is None else _text(omega)
        facts = (bytes_text(record.after.size_bytes), f"{record.after.compression:.2f}", told)
        for value, said in ((record.before, "before training"), (record.after, "after training")):
            rows.append((f"run {run.id[:6]}, {said}", *facts, *_measured(of, value, full)))
        runs.append(run.id)
    return rows, tuple(dict.fromkeys(runs))


def _measured(of: Material, value: PlanValue, full: PlanValue | None) -> tuple[str, str, str]:
    loss = f"{value.loss:.4f} ± {value.loss_stderr:.4f}"
    accuracy = percent_text(value.accuracy, value.accuracy_stderr)
    if full is None or full.accuracy is None or value.accuracy is None:
        return accuracy, "–", loss
    change = full.accuracy - value.accuracy
    error = hypot(full.accuracy_stderr or 0.0, value.accuracy_stderr or 0.0)
    noise = ", within noise" if within_noise(change, error) else ""
    return accuracy, f"{change * 100:+.2f} ± {error * 100:.2f}{noise}", loss


def _side_by_side(of: Material) -> list[Part]:
    """Everything in one table, what stands out marked, and one picture."""
    shown = of.candidates
    stands = candidates.standing(shown, larger_is_better=_larger(of))
    labels = {q: label.format(metric=of.study.metric.name) for q, label in LABELS.items()}
    quantities: list[Quantity] = [q for q in LABELS if any(q in each.values for each in shown)]
    rows = tuple(
        (
            each.name,
            each.kind.replace("finetune", "training") + (", as integers" if each.deployed else ""),
            *(_cell(each, quantity) for quantity in quantities),
            "; ".join(f"{labels[q].partition(' (')[0]}: {said}" for q, said in stands[each.key].items()),
        )
        for each in shown
    )
    columns = ("", "kind", *(labels[quantity] for quantity in quantities), "stands out in")
    caption = (
        "Best: every other one is worse by more than two standard errors of the difference. As good as the best: the "
        "difference is within them, so it is no gain."
    )
    parts: list[Part] = [Table(columns, rows, caption)]
    groups = candidates.together(candidates.differing(shown, of.study))
    widths = {blocks: [w for w, _ in pairs] for blocks, pairs in groups.items()}
    view = view_of(shown, widths, of.study.metric.name)
    if len(view.axes) > 1:
        caption = (
            "The same as lines across axes: weight bits of the blocks in which they differ, then the numbers. Draw over a "
            "stretch of an axis to keep the lines through it."
        )
        parts.append(Picture(parallel.figure(view), caption))
    return parts


def view_of(
    shown: Sequence[Candidate], widths: Mapping[tuple[str, ...], Sequence[int]], metric: str = "accuracy"
) -> parallel.View:
    """Candidates as lines, in the units of their table; ``metric`` is what their study counts."""
    numbers: dict[str, list[float | None]] = {
        quantity: [each.values[quantity].value if quantity in each.values else None for each in shown]
        for quantity in LABELS
    }
    return parallel.view([html.escape(each.name) for each in shown], widths, numbers, metric)


def _cell(one: Candidate, quantity: Quantity) -> str:
    found = one.values.get(quantity)
    if found is None:
        return "–"
    if quantity == "size":
        return f"{found.value:,.0f}"
    if quantity == "accuracy":
        return percent_text(found.value, found.stderr or None).removesuffix(" %").removesuffix("%")
    return _text(found)


def _text(found: Estimate) -> str:
    return f"{found.value:.4g}" + (f" ± {found.stderr:.2g}" if found.stderr else "")


def _outcome(run: Run) -> Outcome | None:
    record = TrainingRecord.from_json(run.result or {})
    before, after = record.before, record.after
    if before.accuracy is None or after.accuracy is None:
        return None
    errors = before.accuracy_stderr or 0.0, after.accuracy_stderr or 0.0
    return Outcome(
        f"run {run.id[:6]}", after.size_bytes, before.accuracy, errors[0], after.accuracy, errors[1]
    )


def _full(of: Material) -> PlanValue | None:
    found = _value(of, EvaluateQuestion()) if of.study.has_network else None
    return None if found is None else found[0]


def _value(of: Material, question: EvaluateQuestion) -> tuple[PlanValue, str] | None:
    if not of.study.has_network:
        return None
    found = answers.best(of.runs, of.study, question)
    return None if found is None else (found.result, found.run.id)


def _not_measured(of: Material) -> str:
    return _missing(of, deployed=False, what="Not measured without training")


def _not_deployed(of: Material) -> str:
    return _missing(of, deployed=True, what="Not measured as integer arithmetic computes it")


def _missing(of: Material, *, deployed: bool, what: str) -> str:
    if not of.study.has_network:
        return ""
    names = []
    for name, (plan, _) in zip(of.names, of.plans, strict=True):
        question = EvaluateQuestion(plan=plan.to_json(), deployed=deployed)
        if _value(of, question) is None:
            names.append((name, question))
    if not names:
        return ""
    question = names[0][1]
    how = command(question, of.reference, {identity(question.plan or {}): "plan.json"})
    return f"{what}: {', '.join(name for name, _ in names)}. To measure it: {how}"


def _metric(of: Material) -> str:
    return f"test {of.study.metric.name}" if of.study.has_network else "accuracy"


def _larger(of: Material) -> bool:
    return of.study.metric.higher_is_better
