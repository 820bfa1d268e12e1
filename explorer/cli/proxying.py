"""The command that puts the predicted damage to the test."""

from typing import Any

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.options import JsonOption
from explorer.cli.output import remark, show, table
from explorer.questions import ProxyQuestion


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("proxy")(proxy)


@asks(ProxyQuestion)
def proxy(asked: Asked[ProxyQuestion], as_json: JsonOption = False) -> None:
    """Does Ω order plans as their measured loss does? By every measure of damage, with rank correlations."""
    study = asked.study
    run = asked.run(f"does the proxy hold on {study.name}")
    result = run.result or {}
    rows = [
        (name, *(_correlation(found[key]) for key in ("spearman", "kendall", "equal_size")), found["pairs"])
        for name, found in result["agreement"].items()
    ]
    columns = ("Ω by", "Spearman's ρ", "Kendall's τ", "τ at equal size", "pairs")
    title = (
        f"Measured loss of {len(result['plans'])} plans of {study.name} against Ω "
        f"({result['samples']:,} {result['split']} {study.noun.many}, {result['seconds']:.0f} s)"
    )
    show({"run": run.id, **result}, as_json, table(title, columns, rows), about=study)
    for row in result["compared"]:
        remark(_sentence(result, row))


def _correlation(found: dict[str, Any]) -> str:
    value, low, high = found["value"], found["low"], found["high"]
    return "–" if value is None or value != value else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _sentence(result: dict[str, Any], row: dict[str, Any]) -> str:
    size = result["plans"][row["first"]]["size_bytes"]
    return f"{row['question']}, {size:,.0f} bytes: the second's loss is {row['rise']:+.4f} ± {row['rise_stderr']:.4f}"
