"""The command that measures a slice of the loss."""

from typing import TYPE_CHECKING

import typer

from explorer.cli.asking import Asked, asks
from explorer.cli.output import remark, show, table
from explorer.cli.parsing import JsonOption
from explorer.cli.running import typed
from explorer.questions import LandscapeQuestion

if TYPE_CHECKING:
    from explorer.landscape import Slice


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("landscape")(landscape)


@asks(LandscapeQuestion)
def landscape(asked: Asked[LandscapeQuestion], as_json: JsonOption = False) -> None:
    """The loss on a line or in a plane through the trained weights, and where bit widths land."""
    from explorer.landscape.target import blocks_with

    question, study = asked.question, asked.study
    blocks_with(study, question.block)  # a mistake is told before anything long
    where = question.block or "all blocks"
    run = asked.run(f"landscape of {where} of {study.name}")
    result = {**(run.result or {}), "study": study.name}  # whatever it was called when this was computed
    found: Slice = typed(run, study=study.name)
    rows = [
        (
            f"{mark.bits} bits",
            f"{mark.norm:.4f}",
            f"{mark.share:.2g}",
            f"{mark.loss - found.centre_loss:+.5f}",
            f"{mark.stderr:.5f}",
            f"{mark.predicted - found.centre_loss:+.5f}",
        )
        for mark in found.marks
    ]
    title = (
        f"{where} of {found.study}: loss {found.centre_loss:.4f} ± {found.centre_stderr:.4f}, "
        f"{' and '.join(axis.label for axis in found.axes)}, radius {found.radius:.3g} "
        f"({found.loss.size} points, {found.equivalents:.1f} forward passes, {found.seconds:.0f} s)"
    )
    columns = ("weights at", "|ΔW|", "share in slice", "measured rise", "± s.e.", "quadratic")
    show(result, as_json, table(title, columns, rows), about=study)
    for axis in found.axes:
        note = f"{axis.label}: curvature {axis.curvature:.4g} ± {axis.curvature_stderr:.2g}, slope {axis.slope:.3g}"
        if axis.held_out is not None and axis.held_out_stderr is not None:
            note += f"; on other samples {axis.held_out:.4g} ± {axis.held_out_stderr:.2g}"
        remark(note)
    if found.not_finite:
        remark(
            f"the loss is not finite at {found.not_finite} of {found.loss.size} points; take a smaller --radius"
        )
