"""The commands that measure what each width does to each block, and put the predicted damage to the test."""

import math
from typing import TYPE_CHECKING

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption
from explorer.cli.running import typed
from explorer.questions import DamageQuestion, ProxyQuestion

if TYPE_CHECKING:
    from explorer.estimates import Correlation
    from explorer.plans.damage.measured import MeasuredDamage
    from explorer.proxy import ProxyResult
    from explorer.proxy.experiment import Compared


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("damage")(damage)
    app.command("proxy")(proxy)


@asks(DamageQuestion)
def damage(asked: Asked[DamageQuestion], as_json: JsonOption = False) -> None:
    """The damage of every width of every block, by a measure that is computed from the network."""
    study, question = asked.study, asked.question
    run = asked.run(f"damage of {study.name} by {question.measure}")
    result: MeasuredDamage = typed(run, study=study.name)
    table_of = result.table.activation if question.measure == "activation" else result.table.values
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


def _correlation(found: "Correlation") -> str:
    value, low, high = found.value, found.low, found.high
    return "–" if value is None or value != value else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _sentence(result: "ProxyResult", row: "Compared") -> str:
    size = result.plans[row.first].size_bytes
    error = (
        f"± {row.rise_stderr:.4f}" if math.isfinite(row.rise_stderr) else "(one image has no standard error)"
    )
    return f"{row.question}, {size:,.0f} bytes: the second's loss is {row.rise:+.4f} {error}"
