"""The command that measures what each width does to each block."""

from typing import TYPE_CHECKING

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.options import JsonOption
from explorer.cli.output import show, table
from explorer.questions import DamageQuestion

if TYPE_CHECKING:
    from collections.abc import Mapping


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("damage")(damage)


@asks(DamageQuestion)
def damage(asked: Asked[DamageQuestion], as_json: JsonOption = False) -> None:
    """The damage of every width of every block, by a measure that is computed from the network."""
    from explorer.plans import DamageTable

    study, question = asked.study, asked.question
    result = {
        **(asked.run(f"damage of {study.name} by {question.measure}").result or {}),
        "study": study.name,
    }
    found = DamageTable.from_json(result["table"])
    values: Mapping[str, Mapping[int, float]] = (
        found.activation if question.measure == "activation" else found.values
    )
    rows = [(block, *(f"{of[bits]:.3g}" for bits in question.bits)) for block, of in values.items()]
    title = f"Damage of {study.name} by {question.measure} ({result['seconds']:.1f} s)"
    columns = ("block", *(f"{bits} bits" for bits in question.bits))
    show(result, as_json, table(title, columns, rows), about=study)
