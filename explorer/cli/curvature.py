"""Commands about the eigenvalues of the Hessian: the largest of every block, and the density of all."""

import math
from enum import StrEnum
from typing import Annotated, Any

import typer

from explorer.cli.options import (
    Granularity,
    GranularityOption,
    JsonOption,
    SeedOption,
    StudyOption,
    strictly_between,
)
from explorer.cli.output import remark, show, table
from explorer.cli.running import run_to_end


class End(StrEnum):
    largest = "largest"
    magnitude = "magnitude"
    smallest = "smallest"


class Iteration(StrEnum):
    lanczos = "lanczos"
    power = "power"


SamplesOption = Annotated[int, typer.Option(min=2, help="training rows that the Hessian is a mean over")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("eigenvalues")(eigenvalues)
    app.command("spectrum")(spectrum)


def eigenvalues(
    study: StudyOption,
    k: Annotated[int, typer.Option("--k", min=1, help="how many of each block")] = 2,
    which: Annotated[End, typer.Option(help="which end of the spectrum")] = End.largest,
    method: Annotated[Iteration, typer.Option(help="how to find them")] = Iteration.lanczos,
    samples: SamplesOption = 512,
    tol: Annotated[
        float, typer.Option(callback=strictly_between(0, 1), help="stop at this relative residual")
    ] = 1e-3,
    max_products: Annotated[
        int, typer.Option(min=2, help="at most so many Hessian-vector products a block")
    ] = 200,
    whole: Annotated[bool, typer.Option(help="the whole network's too")] = True,
    granularity: GranularityOption = Granularity.layer,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """The top eigenvalues of every block's Hessian, with residuals and standard errors."""
    if max_products <= k:
        raise typer.BadParameter(f"{max_products} must be more than --k {k}", param_hint="--max-products")
    from explorer import studies
    from explorer.curvature import WHOLE
    from explorer.jobs.requests import spec_of
    from explorer.questions import EigenvaluesQuestion

    loaded = studies.load_network(study)
    spec = spec_of(
        loaded,
        EigenvaluesQuestion(
            k=k,
            which=which.value,
            method=method.value,
            samples=samples,
            tol=tol,
            max_products=max_products,
            whole=whole,
            granularity=granularity.value,
            seed=seed,
        ),
    )
    _, result = run_to_end(spec, f"eigenvalues of {loaded.name}")
    found = result["eigenvalues"]
    rows = [
        (
            e["block"] or WHOLE,
            f"{e['n']:,}",
            f"{e['values'][0]:.3g}",
            f"{e['stderrs'][0]:.1g}",
            "–" if e["held_out"][0] is None else f"{e['held_out'][0]:.3g}",
            "  ".join(f"{value:.3g}" for value in e["values"][1:]) or "–",
            f"{e['values'][0] / e['n']:.2e}",
        )
        for e in found
    ]
    columns = ("block", "n", "λ", "± s.e.", "held out", "next λ", "λ/n")
    rows_text = f"{found[0]['samples']:,} rows, {result['seconds']:.1f} s"
    title = f"Eigenvalues of {loaded.name}, {which.value} ({method.value}, {rows_text})"
    show({**result, "study": loaded.name}, as_json, table(title, columns, rows), about=loaded)
    if unsettled := [e["block"] or WHOLE for e in found if not all(e["converged"])]:
        remark(
            f"the residual is still above {tol:g} of the eigenvalue in {', '.join(unsettled)}; "
            f"allow more --max-products"
        )


def spectrum(
    study: StudyOption,
    block: Annotated[str | None, typer.Option(help="its name; the whole network without it")] = None,
    steps: Annotated[int, typer.Option(min=1, help="of Lanczos for each probe")] = 64,
    probes: Annotated[int, typer.Option(min=2, help="random starts")] = 8,
    samples: SamplesOption = 512,
    blur: Annotated[
        float,
        typer.Option(callback=strictly_between(0, 1), help="width of the bells, as a share of the range"),
    ] = 0.01,
    granularity: GranularityOption = Granularity.layer,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """The spectral density of the Hessian of one block or the whole network, with its band."""
    from explorer import studies
    from explorer.curvature import SpectralDensity
    from explorer.jobs.requests import spec_of
    from explorer.questions import SpectrumQuestion

    loaded = studies.load_network(study)
    options: dict[str, Any] = {"steps": steps, "probes": probes, "samples": samples, "blur": blur}
    if block is not None:
        _check_block(loaded, granularity.value, block)
        options["granularity"] = granularity.value
    spec = spec_of(loaded, SpectrumQuestion(block=block, seed=seed, **options))
    _, result = run_to_end(spec, f"spectrum of {block or loaded.name}")
    found = SpectralDensity.from_json(result)
    nodes = [value for probe in found.probes for value in probe.values]
    small = 1e-3 * max(map(abs, nodes))
    shares = {
        f"share below {-small:.2g}": found.share(-math.inf, -small),
        f"share from {-small:.2g} to {small:.2g}": found.share(-small, small),
        f"share above {small:.2g}": found.share(small, math.inf),
    }
    rows = [
        ("eigenvalues", f"{found.n:,}", ""),
        ("trace, Tr(H)", f"{found.trace:.4g}", f"{found.trace_stderr:.1g}"),
        ("mean eigenvalue, Tr(H)/n", f"{found.mean:.4g}", f"{found.mean_stderr:.1g}"),
        ("smallest node", f"{min(nodes):.4g}", ""),
        ("largest node", f"{max(nodes):.4g}", ""),
        *((words, f"{value:.2%}", f"{error:.2%}") for words, (value, error) in shares.items()),
    ]
    title = f"Spectrum of {block or loaded.name} ({found.samples:,} rows, {found.seconds:.1f} s)"
    show(result, as_json, table(title, ("", "value", "± s.e."), rows), about=loaded)


def _check_block(study: Any, granularity: Any, block: str) -> None:
    """A misspelt name is told before anything is computed."""
    from explorer.errors import CurvatureError

    names = [each.name for each in study.blocks(granularity)]
    if block not in names:
        raise CurvatureError(f"there is no block {block!r}; use one of {', '.join(names)}")
