"""Commands about studies: list them, get their data, fold or make them again, and measure their curvature."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from explorer.cli.asking import Asked, asks
from explorer.cli.output import progress_bar, remark, show, table
from explorer.cli.parsing import JsonOption, StudyOption
from explorer.cli.running import typed
from explorer.questions import TracesQuestion

DATA_KINDS = ("npz", "factory", "folder", "arrays", "text", "parquet", "interactions", "detection")
_MARKS = {"right": "✓", "note": "·", "wrong": "✗"}

if TYPE_CHECKING:
    from explorer.curvature import Traces


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("studies")(list_studies)
    app.command("init")(init)
    app.command("check")(check)
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


def init(
    folder: Annotated[Path, typer.Argument(help="folder of the new study; made if need be")],
    data: Annotated[str, typer.Option(help=f"kind of the data: {', '.join(DATA_KINDS)}")],
    path: Annotated[
        Path | None, typer.Option(help="where the data lie; a factory needs none: data.py is written")
    ] = None,
) -> None:
    """Begin a study of one's own: a study.toml for its data, and a net.py to fill in."""
    from explorer.studies.starting import begin

    for written in begin(folder, data, path):
        print(f"{written} is written")
    print(f"fill in net.py, put the weights beside it, then: python -m explorer check {folder}")


def check(
    study: Annotated[Path, typer.Argument(help="a study.toml, or the folder that holds one")],
    as_json: JsonOption = False,
) -> None:
    """Say what is right about a study of one's own and what is not; status 1 if something is wrong."""
    from explorer.errors import StudyError
    from explorer.studies.examining import examine

    path = study / "study.toml" if study.is_dir() else study
    if not path.exists():
        raise StudyError(f"there is no study at {path}; python -m explorer init begins one")
    found = examine(path)
    content = {"study": str(path), "right": found.right, "findings": [vars(each) for each in found.findings]}
    rows = [(_MARKS[each.state], each.part, escape(each.said)) for each in found.findings]
    verdict = "can be used" if found.right else "cannot be used yet"
    columns = ("", "part", "what was found")
    show(content, as_json, table(escape(f"{path} {verdict}"), columns, rows, words=columns))
    if not found.right:
        raise typer.Exit(1)


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
    name: Annotated[
        str,
        typer.Argument(
            help="fashion-resnet20, fashion-mobilenet, fashion-thin, tiny-language-model, ncf-synthetic, ncf-movielens or detector-fashion"
        ),
    ],
    out: Annotated[
        Path, typer.Option(help="folder to write weights.safetensors, card.json and the data into")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="folder of the four Fashion-MNIST files (by default that of EXPLORER_DATA, or Debian's), the text, or "
            "that of MovieLens-100K"
        ),
    ] = None,
) -> None:
    """Train a shipped network again from scratch, with its recipe and seed."""
    from explorer.errors import StudyError
    from explorer.studies.shipped import detecting, language, making, recommending

    makers: dict[str, Callable[..., None]] = {
        **{each: partial(making.make, each) for each in making.RECIPES},
        language.NAME: language.make,
        detecting.NAME: detecting.make,
        **{
            each: partial(recommending.make, each)
            for each in (recommending.SYNTHETIC, recommending.MOVIELENS)
        },
    }
    if name not in makers:
        raise StudyError(f"there is no recipe for {name!r}; this command makes {', '.join(makers)}")
    makers[name](out=out, data=data)


def precompute(
    name: Annotated[
        str,
        typer.Argument(
            help="fashion-resnet20, fashion-mobilenet, fashion-thin, tiny-language-model, ncf-synthetic or detector-fashion"
        ),
    ],
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
