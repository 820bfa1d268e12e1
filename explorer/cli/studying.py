"""Commands about studies: list them, get their data, make them again, and measure their curvature."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from explorer import studies
from explorer.cli.output import JsonOption, StudyOption, progress_bar, show, table
from explorer.cli.running import run_to_end


class Of(StrEnum):
    weights = "weights"
    activations = "activations"


class Method(StrEnum):
    auto = "auto"
    exact = "exact"
    output_probes = "output-probes"
    hutchinson = "hutchinson"


class PlannedCost(StrEnum):
    size = "size"
    bops = "bops"
    latency = "latency"


class Granularity(StrEnum):
    layer = "layer"
    module = "module"


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("studies")(list_studies)
    app.command("fetch")(fetch)
    app.command("pretrain")(pretrain)
    app.command("traces")(traces)


def list_studies(as_json: JsonOption = False) -> None:
    """List the built-in studies."""
    entries = [vars(card) for card in studies.catalogue()]
    rows = [(e["name"], e["title"], "ready" if e["available"] else e["how_to_get"]) for e in entries]
    show({"studies": entries}, as_json, table("Studies", ("name", "title", "state"), rows))


def fetch(name: Annotated[str, typer.Argument(help="the study whose files to download")]) -> None:
    """Download the images and weights of a study that does not ship them."""
    from explorer.studies.fetch import fetch as download

    with progress_bar() as bar:
        folder = download(name, progress=bar)
    print(f"{name} is ready in {folder}")


def pretrain(
    name: Annotated[str, typer.Argument(help="fashion-resnet20 or fashion-mobilenet")],
    out: Annotated[
        Path, typer.Option(help="folder to write weights.safetensors, card.json and data.npz into")
    ],
    data: Annotated[Path, typer.Option(help="folder of the four Fashion-MNIST files")] = Path(
        "/usr/share/datasets/fashion-mnist"
    ),
) -> None:
    """Train a shipped network again from scratch, with its recipe and seed."""
    from explorer.studies.making import make

    make(name, data=data, out=out)


def traces(
    study: StudyOption,
    of: Annotated[Of, typer.Option(help="whose Hessian")] = Of.weights,
    method: Annotated[Method, typer.Option(help="how to estimate")] = Method.auto,
    samples: Annotated[int | None, typer.Option(min=1, help="at most so many data samples")] = None,
    rel_se: Annotated[float, typer.Option(help="stop at this relative standard error in every block")] = 0.05,
    granularity: Annotated[Granularity, typer.Option(help="what a block is")] = Granularity.layer,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Hessian traces of every block, with standard errors."""
    from explorer.runs import requests

    loaded = studies.load_network(study)
    spec = requests.traces(
        loaded,
        of=of.value,
        method=method.value,
        samples=samples,
        rel_se=rel_se,
        granularity=granularity.value,
        seed=seed,
    )
    result = run_to_end(spec, f"traces of {loaded.name}").result or {}
    rows = [
        (
            b["name"],
            f"{b['n']:,}",
            f"{b['mean_trace']:.3e}",
            f"{b['stderr'] / b['n']:.1e}",
            f"{b['samples']:,}",
        )
        for b in result["blocks"]
    ]
    title = f"Hessian traces of {loaded.name} ({result['method']}, {result['seconds']:.1f} s)"
    show(result, as_json, table(title, ("block", "n", "mean trace", "± s.e.", "samples"), rows))
