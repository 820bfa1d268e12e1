"""The command that measures a slice of the loss."""

import math
from enum import StrEnum
from typing import Annotated

import typer

from explorer.cli.options import JsonOption, SeedOption, StudyOption, strictly_between
from explorer.cli.output import remark, show, table
from explorer.cli.running import run_to_end


class Directions(StrEnum):
    eigen = "eigen"
    random = "random"
    quantization = "quantization"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("landscape")(landscape)


def landscape(
    study: StudyOption,
    block: Annotated[
        str | None, typer.Option(help="a block's name, of a layer or a module; all blocks without it")
    ] = None,
    directions: Annotated[
        Directions,
        typer.Option(help="top Hessian eigenvectors, filter-normalised random, or along quantization itself"),
    ] = Directions.eigen,
    dims: Annotated[int, typer.Option(min=1, max=2, help="a line or a plane")] = 2,
    points: Annotated[int, typer.Option(help="a side: 5, 9, 17, 33, 65, 129 or 257")] = 17,
    radius: Annotated[
        float | None,
        typer.Option(
            callback=lambda value: None if value is None else strictly_between(0, math.inf)(value),
            help="in weight units; without it the length of the 4-bit perturbation",
        ),
    ] = None,
    samples: Annotated[int, typer.Option(min=2, help="training samples the loss is the mean of")] = 512,
    bits: Annotated[str, typer.Option(help="widths that a quantization slice runs along")] = "4,2",
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """The loss on a line or in a plane through the trained weights, and where bit widths land."""
    from explorer import studies
    from explorer.jobs.requests import spec_of
    from explorer.landscape import Slice
    from explorer.landscape.target import blocks_with
    from explorer.questions import LandscapeQuestion

    loaded = studies.load_network(study)
    widths = _widths(bits)
    blocks_with(loaded, block)
    spec = spec_of(
        loaded,
        LandscapeQuestion(
            block=block,
            directions=directions.value,
            dims=dims,
            points=points,
            radius=radius,
            samples=samples,
            bits=widths,
            seed=seed,
        ),
    )
    where = block or "all blocks"
    _, result = run_to_end(spec, f"landscape of {where} of {loaded.name}")
    result = {**result, "study": loaded.name}  # whatever it was called when this was computed
    found = Slice.from_json(result)
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
    show(result, as_json, table(title, columns, rows), about=loaded)
    for axis in found.axes:
        note = f"{axis.label}: curvature {axis.curvature:.4g} ± {axis.curvature_stderr:.2g}, slope {axis.slope:.3g}"
        if axis.held_out is not None and axis.held_out_stderr is not None:
            note += f"; on other images {axis.held_out:.4g} ± {axis.held_out_stderr:.2g}"
        remark(note)
    if found.not_finite:
        remark(
            f"the loss is not finite at {found.not_finite} of {found.loss.size} points; take a smaller --radius"
        )


def _widths(text: str) -> list[int]:
    from explorer.errors import QuantizerError
    from explorer.quantizers.grid import check_bits

    try:
        return [check_bits(int(part)) for part in text.split(",")]
    except (ValueError, QuantizerError):
        raise typer.BadParameter(
            f"{text!r} must be widths with a comma between, e.g. 4,2", param_hint="--bits"
        ) from None
