"""Commands about studies: list them, get their data, fold or make them again, and measure their curvature."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.output import progress_bar, remark, show, table
from explorer.cli.parsing import JsonOption, StudyOption
from explorer.cli.running import typed
from explorer.questions import TracesQuestion

if TYPE_CHECKING:
    from explorer.curvature import Traces


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("studies")(list_studies)
    app.command("fetch")(fetch)
    app.command("fold")(fold)
    app.command("pretrain")(pretrain)
    app.command("precompute")(precompute)
    app.command("traces")(traces)


def list_studies(as_json: JsonOption = False) -> None:
    """List the built-in studies."""
    from explorer import studies

    entries = [vars(card) for card in studies.catalogue()]
    columns = ("name", "title", "state")
    rows = [
        (e["name"], e["title"], "ready" if e["available"] else f"get it: fetch {e['name']}") for e in entries
    ]
    show({"studies": entries}, as_json, table("Studies", columns, rows, words=columns))


def fetch(name: Annotated[str, typer.Argument(help="the study whose files to download")]) -> None:
    """Download the images and weights of a study that does not ship them."""
    from explorer.studies.shipped.fetch import fetch as download

    with progress_bar() as bar:
        folder = download(name, progress=bar)
    print(f"{name} is ready in {folder}")


def fold(
    study: StudyOption,
    out: Annotated[Path, typer.Option(help="folder to write the new study.toml into")],
) -> None:
    """Make a study of the same network with its batch norms folded into the layers before them."""
    from explorer.studies.networks.folded import write_folded

    made = write_folded(study, out)
    print(f"{made.name} is ready in {out}")


def pretrain(
    name: Annotated[str, typer.Argument(help="fashion-resnet20, fashion-mobilenet or fashion-thin")],
    out: Annotated[
        Path, typer.Option(help="folder to write weights.safetensors, card.json and data.npz into")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="folder of the four Fashion-MNIST files; by default that of EXPLORER_DATA, or Debian's"
        ),
    ] = None,
) -> None:
    """Train a shipped network again from scratch, with its recipe and seed."""
    from explorer.studies.shipped.making import make

    make(name, data=data, out=out)


def precompute(
    name: Annotated[str, typer.Argument(help="fashion-resnet20, fashion-mobilenet or fashion-thin")],
    out: Annotated[Path | None, typer.Option(help="file to write; the study's own by default")] = None,
) -> None:
    """Compute the results that come with a shipped study, so that the app opens with pictures."""
    from explorer import studies
    from explorer.jobs import shipped
    from explorer.runs import Store

    if name not in shipped.STUDIES:
        raise typer.BadParameter(f"no results come with {name!r}; use {' or '.join(shipped.STUDIES)}")
    file = out or shipped.bundle(name)
    with progress_bar() as bar:
        found = shipped.compute(
            Store.open(),
            studies.load_network(name),
            file,
            lambda run: bar(run.fraction, f"{run.title}: {run.message}"),
        )
    print(f"{len(found)} results of {name} are in {file}")


@asks(TracesQuestion)
def traces(asked: Asked[TracesQuestion], as_json: JsonOption = False) -> None:
    """Hessian traces of every block, with standard errors."""
    study = asked.study
    run = asked.run(f"traces of {study.name}")
    found: Traces = typed(run, study=study.name)
    rows = [
        (b.name, f"{b.n:,}", f"{b.mean_trace:.3e}", f"{b.mean_stderr:.1e}", f"{b.samples:,}")
        for b in found.blocks
    ]
    title = f"Hessian traces of {found.study}, {found.of} ({found.method}, {found.seconds:.1f} s)"
    columns = ("block", "n", "mean trace", "± s.e.", "samples")
    show(found.summary(), as_json, table(title, columns, rows), about=study)
    if found.unfinished:
        remark(
            f"the error is still above {found.rel_se:g} of the trace in {len(found.unfinished)} of "
            f"{len(found.blocks)} blocks; allow more --samples for a smaller one"
        )
