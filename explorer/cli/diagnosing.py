"""Commands that look at the loss as a function of the steps: a surface, curves, and derivatives."""

from typing import TYPE_CHECKING, Any

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.lapq import widths_once
from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption
from explorer.cli.running import typed
from explorer.questions import LapqHessianQuestion, LapqSurfaceQuestion, LapqSweepQuestion

if TYPE_CHECKING:
    from explorer.lapq.diagnostics.surfaces import Surface


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("lapq-surface")(lapq_surface)
    app.command("lapq-sweep")(lapq_sweep)
    app.command("lapq-hessian")(lapq_hessian)


@asks(LapqSurfaceQuestion)
def lapq_surface(
    asked: Asked[LapqSurfaceQuestion], context: typer.Context, as_json: JsonOption = False
) -> None:
    """The loss over the steps of two tensors, and where L_p, the quadratic fit and Powell's method end on it."""
    widths_once(context)
    study = asked.study
    run = asked.run(f"surface of {study.name}")
    found: Surface = typed(run, study=study.name)
    rows = [
        (
            mark.kind,
            "" if mark.p is None else f"{mark.p:.3g}",
            *(f"{step:.4g}" for step in mark.steps),
            f"{mark.loss:.4f}",
        )
        for mark in found.marks
    ]
    title = (
        f"Loss of {found.study} over two steps, {asked.question.bits}, others {found.others} "
        f"({found.measured:,} points, {found.forward_equivalents:.0f} forward passes, {found.seconds:.0f} s)"
    )
    shown = table(title, ("mark", "p", *found.sites, "loss"), rows)
    show({**(run.result or {}), "study": study.name}, as_json, shown, about=study)


@asks(LapqSweepQuestion)
def lapq_sweep(asked: Asked[LapqSweepQuestion], context: typer.Context, as_json: JsonOption = False) -> None:
    """A curve of LAPQ's paper: error against step, or loss against p, distance or calibration samples."""
    widths_once(context)
    study, question = asked.study, asked.question
    result = {**(asked.run(f"{question.sweep} on {study.name}").result or {}), "study": study.name}
    points = result.get("points")
    if points is None:  # the errors of one tensor: a curve for each p
        points = [
            {"p": p, "best step": best, "least error": min(errors)}
            for p, best, errors in zip(result["p"], result["best"], result["errors"], strict=True)
        ]
    rows = [[_shown(value) for value in point.values()] for point in points]
    title = f"{question.sweep} on {study.name}, {question.bits}"
    show(result, as_json, table(title, list(points[0]), rows), about=study)


@asks(LapqHessianQuestion)
def lapq_hessian(
    asked: Asked[LapqHessianQuestion], context: typer.Context, as_json: JsonOption = False
) -> None:
    """First and second derivatives of the loss by the steps, their couplings, and how separable the loss is."""
    from explorer.lapq.diagnostics.curvature import StepHessian
    from explorer.lapq.diagnostics.separability import Separability

    widths_once(context)
    study = asked.study
    result = {**(asked.run(f"derivatives by the steps of {study.name}").result or {}), "study": study.name}
    found = StepHessian.from_json(result["hessian"])
    slope, bend = found.by("log")
    rows = [
        (site, f"{step:.4g}", f"{slope[i]:+.4g}", f"{bend[i, i]:+.4g}")
        for i, (site, step) in enumerate(zip(found.sites, found.steps, strict=True))
    ]
    title = f"Loss of {study.name} by log steps, {found.how}, {asked.question.bits}: {found.loss:.4f}"
    show(result, as_json, table(title, ("site", "step", "slope", "curvature"), rows), about=study)
    curvature = found.curvature()
    remark(f"Gaussian curvature by clips: {curvature.sign:+d} × 10^{curvature.log10:.2f}")
    if result["separability"] is not None:
        apart = Separability.from_json(result["separability"])
        remark(
            f"quantized together, the loss rises by {apart.together:.4f} ± {apart.together_stderr:.4f}; "
            f"{apart.share:.0%} of the damage is interaction"
        )


def _shown(value: Any) -> Any:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else value
