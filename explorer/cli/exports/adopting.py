"""The command adopt: the network that a training ended with, as a study of its own."""

from pathlib import Path
from typing import Annotated, Any

import typer

from explorer.cli.exports.writing import finished
from explorer.cli.output import show, table
from explorer.cli.parsing import JsonOption, StudyOption


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("adopt")(adopt)


def adopt(
    study: StudyOption,
    run: Annotated[str, typer.Option(help="a finished finetune run of that study")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="folder to make")],
    as_json: JsonOption = False,
) -> None:
    """Make a study of a trained network: its weights on their grids, activations in FP32."""
    from explorer import studies
    from explorer.jobs.kinds.finetune import TRAINED
    from explorer.jobs.telling import titles
    from explorer.runs import Store
    from explorer.studies import derived

    loaded = studies.load_network(study)
    store = Store.open()
    found = finished(store, loaded, run)
    state = store.tensors(found.id, TRAINED)
    path = derived.of_training(loaded, state, out, run=found.id, said=titles.of(found))
    content: dict[str, Any] = {"study": str(path), "name": studies.load_network(path).name}
    show(content, as_json, table("A study of its own", ("", "value"), list(content.items())), about=loaded)
