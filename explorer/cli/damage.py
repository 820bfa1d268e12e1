"""The commands that measure what each width does to each block, and put the predicted damage to the test."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption
from explorer.cli.running import typed
from explorer.cli.spelling import printed
from explorer.questions import DamageQuestion, MeasureFrontierQuestion, ProxyQuestion

if TYPE_CHECKING:
    from explorer.estimates import Correlation
    from explorer.plans.damage.measured import MeasuredDamage
    from explorer.proxy import MeasuredFrontier, MeasuredPlan, ProxyResult
    from explorer.proxy.experiment import Compared


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("damage")(damage)
    app.command("proxy")(proxy)
    app.command("measure-frontier")(measure_frontier)


@asks(DamageQuestion)
def damage(asked: Asked[DamageQuestion], as_json: JsonOption = False) -> None:
    """The damage of every width of every block, by a measure that is computed from the network."""
    study, question = asked.study, asked.question
    run = asked.run(f"damage of {study.name} by {question.measure}")
    result: MeasuredDamage = typed(run, study=study.name)
    table_of = result.table.activation or result.table.values
    rows = [(block, *(f"{of[bits]:.3g}" for bits in question.bits)) for block, of in table_of.items()]
    title = f"Damage of {study.name} by {question.measure} ({result.seconds:.1f} s)"
    columns = ("block", *(f"{bits} bits" for bits in question.bits))
    show(result.to_json(), as_json, table(title, columns, rows), about=study)


@asks(ProxyQuestion)
def proxy(asked: Asked[ProxyQuestion], as_json: JsonOption = False) -> None:
    """Does Ω order plans as their measured loss does? By every measure of damage, with rank correlations."""
    study = asked.study
    run = asked.run(f"does the proxy hold on {study.name}")
    result: ProxyResult = typed(run)
    rows = [
        (name, *map(_correlation, (found.spearman, found.kendall, found.equal_size)), found.pairs)
        for name, found in result.agreement.items()
    ]
    columns = ("Ω by", "Spearman's ρ", "Kendall's τ", "τ at equal size", "pairs")
    title = (
        f"Measured loss of {len(result.plans)} plans of {study.name} against Ω "
        f"({result.samples:,} {result.split} {study.noun.many}, {result.seconds:.0f} s)"
    )
    show({"run": run.id, **(run.result or {})}, as_json, table(title, columns, rows), about=study)
    for row in result.compared:
        remark(_sentence(result, row))


@asks(MeasureFrontierQuestion)
def measure_frontier(asked: Asked[MeasureFrontierQuestion], as_json: JsonOption = False) -> None:
    """What plans along a frontier are worth without training, coarse to fine, and what Ω then says of the others."""
    from explorer.proxy import calibrate

    study = asked.study
    frontier = printed(asked.options["plans"], study)
    run = asked.run(f"plans along the frontier of {study.name}")
    result: MeasuredFrontier = typed(run)
    places = [plan.place for plan in result.plans]
    omegas = [float(frontier.omega[place]) for place in places]
    curve = calibrate(omegas, result.plans)
    costs = [float(frontier.cost[place]) for place in places]
    content = {"run": run.id, **(run.result or {}), "calibration": None if curve is None else curve.to_json()}
    content["plans"] = [
        {**plan, "cost": cost, "omega": omega}
        for plan, cost, omega in zip(content["plans"], costs, omegas, strict=True)
    ]
    noun = study.noun.many
    title = f"Plans along the frontier of {study.name} ({result.full.samples:,} {result.split} {noun}, {result.seconds:.0f} s)"
    columns = (f"cost ({frontier.unit})", "Ω", study.metric.name, "less FP32", "loss")
    rows = [("FP32", "", *_measured(result.full))] + [
        (f"{cost:,.6g}", f"{omega:.4g}", *_measured(plan))
        for plan, cost, omega in zip(result.plans, costs, omegas, strict=True)
    ]
    show(content, as_json, table(title, columns, rows), about=study)
    remark(_noise(result, costs, frontier.unit))


def _measured(plan: "MeasuredPlan") -> tuple[str, str, str]:
    loss = f"{plan.loss:.4f} ± {plan.loss_stderr:.4f}"
    if (
        plan.accuracy is None
        or plan.accuracy_stderr is None
        or plan.change is None
        or plan.change_stderr is None
    ):
        return "–", "–", loss
    accuracy = f"{plan.accuracy:.2%} ± {plan.accuracy_stderr:.2%}"
    return accuracy, f"{plan.change:+.2%} ± {plan.change_stderr:.2%}", loss


def _noise(result: "MeasuredFrontier", costs: Sequence[float], unit: str) -> str:
    equal = sum(plan.equals_smaller for plan in result.plans)
    said = (
        f"{equal} of {len(result.plans) - 1} plans equal the next smaller one that was measured within noise"
    )
    if result.enough is None:
        return f"{said}; even the largest differs from FP32"
    cost = costs[result.plans.index(result.enough)]
    return f"{said}; from {cost:,.6g} {unit} up every measured plan equals FP32 within noise"


def _correlation(found: "Correlation") -> str:
    value, low, high = found.value, found.low, found.high
    return "–" if value is None or value != value else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _sentence(result: "ProxyResult", row: "Compared") -> str:
    size = result.plans[row.first].size_bytes
    error = (
        f"± {row.rise_stderr:.4f}" if math.isfinite(row.rise_stderr) else "(one sample has no standard error)"
    )
    return f"{row.question}, {size:,.0f} bytes: the second's loss is {row.rise:+.4f} {error}"
