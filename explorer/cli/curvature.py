"""Commands about the eigenvalues of the Hessian: the largest of every block, and the density of all."""

import math
from collections import Counter
from typing import TYPE_CHECKING

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption
from explorer.cli.running import typed
from explorer.questions import EigenvaluesQuestion, SpectrumQuestion

if TYPE_CHECKING:
    from explorer.curvature import SpectralDensity
    from explorer.studies import Study


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("eigenvalues")(eigenvalues)
    app.command("spectrum")(spectrum)


@asks(EigenvaluesQuestion)
def eigenvalues(asked: Asked[EigenvaluesQuestion], as_json: JsonOption = False) -> None:
    """The top eigenvalues of every block's Hessian, with residuals and standard errors."""
    question = asked.question
    from explorer.curvature import WHOLE

    study = asked.study
    result = asked.run(f"eigenvalues of {study.name}").result or {}
    found = result["eigenvalues"]
    rows = [
        (
            e["block"] or WHOLE,
            f"{e['n']:,}",
            f"{e['values'][0]:.3g}",
            _figure(e["stderrs"][0], ".1g"),
            _figure(e["held_out"][0], ".3g"),
            "  ".join(f"{value:.3g}" for value in e["values"][1:]) or "–",
            f"{e['values'][0] / e['n']:.2e}",
        )
        for e in found
    ]
    columns = ("block", "n", "λ", "± s.e.", "held out", "next λ", "λ/n")
    counts = Counter(e.get("method") for e in found)
    how = "".join(f"{method} in {count} of {len(found)}, " for method, count in counts.items() if method)
    rows_text = f"{found[0]['samples']:,} rows, {result['seconds']:.1f} s"
    title = f"Eigenvalues of {study.name}, {question.which} ({how}{rows_text})"
    show({**result, "study": study.name}, as_json, table(title, columns, rows), about=study)
    if unsettled := [e["block"] or WHOLE for e in found if not all(e["converged"])]:
        remark(
            f"the residual is still above {question.tol:g} of the eigenvalue in {', '.join(unsettled)}; "
            f"allow more --max-products"
        )


def _figure(value: float | None, form: str) -> str:
    """A dash for what one row alone cannot tell."""
    return "–" if value is None else format(value, form)


@asks(SpectrumQuestion)
def spectrum(asked: Asked[SpectrumQuestion], as_json: JsonOption = False) -> None:
    """The spectral density of the Hessian of one block or the whole network, with its band."""
    study, block = asked.study, asked.question.block
    if block is not None:
        _check_block(study, asked.question, block)
    run = asked.run(f"spectrum of {block or study.name}")
    found: SpectralDensity = typed(run)
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
        (f"smallest {'eigenvalue' if found.exact else 'node'}", f"{min(nodes):.4g}", ""),
        (f"largest {'eigenvalue' if found.exact else 'node'}", f"{max(nodes):.4g}", ""),
        *((words, f"{value:.2%}", f"{error:.2%}") for words, (value, error) in shares.items()),
    ]
    how = "every eigenvalue" if found.exact else f"{len(found.probes)} probes"
    title = f"Spectrum of {block or study.name} ({how}, {found.samples:,} rows, {found.seconds:.1f} s)"
    show(run.result or {}, as_json, table(title, ("", "value", "± s.e."), rows), about=study)


def _check_block(study: "Study", question: SpectrumQuestion, block: str) -> None:
    """A misspelt name is told before anything is computed."""
    from explorer.errors import CurvatureError

    names = [each.name for each in study.blocks(question.granularity)]
    if block not in names:
        raise CurvatureError(f"there is no block {block!r}; use one of {', '.join(names)}")
