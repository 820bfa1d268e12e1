"""The loss round the trained weights, where it was measured: lines, and planes from above and as a relief."""

from collections.abc import Sequence

from explorer.figures import landscape as picture
from explorer.figures.landscape.views import bend_text
from explorer.jobs import answers
from explorer.jobs.answers import Answer
from explorer.landscape import Slice
from explorer.questions import LandscapeQuestion
from explorer.reports.commands import command
from explorer.reports.material import Absent, Material
from explorer.reports.page import Part, Picture, Section, Words

MOST = 2  # slices of one sort in a picture


def section(of: Material) -> Section | Absent:
    """Slices that were named, else the newest of one sort, a block each."""
    done = [each for each in answers.asked(of.runs, of.study, "landscape") if each.run.status == "done"]
    named = [each for each in done if any(each.run.id == run.id for run in of.named)]
    chosen = [_newest(named or done, dims) for dims in (1, 2)]
    found = [each for sort in chosen for each in sort]
    if not found:
        how = command(LandscapeQuestion(), of.reference) or ""
        return Absent("The loss landscape", how if of.study.has_network else "")
    words = (
        "The loss when the weights of one block are moved away from where training ended. A steep block is one that "
        "rounding hurts; rings mark where rounding to a number of bits would put the weights."
    )
    parts: list[Part] = [Words(words)]
    unit = "nats" if of.study.has_network and of.study.loss.unit == "nats" else ""
    for sort in chosen:
        slices = [each.result for each in sort]
        if slices:
            parts += _drawn(slices, unit)
    return Section("landscape", "The loss landscape", tuple(parts), tuple(each.run.id for each in found))


def _drawn(slices: Sequence[Slice], unit: str) -> list[Part]:
    said = "; ".join(
        f"{each.block or 'all blocks'} has curvature {bend_text(each.axes[0])} along the {each.axes[0].label}"
        for each in slices
    )
    if slices[0].dims == 1:
        view = picture.view(slices, log=False, unit=unit)
        caption = f"Measured loss on a line, with the parabola that curvature predicts: {said}."
        return [Picture(picture.figure(view), caption)]
    view = picture.view(slices, log=True, unit=unit)
    return [
        Picture(picture.figure(view), f"The loss in a plane, from above: {said}."),
        Picture(picture.figure(view, relief=True), "The same planes as a relief; it can be turned."),
    ]


def _newest(done: Sequence[Answer], dims: int) -> list[Answer]:
    """At most so many slices of one dimension and one sort of directions, a block once."""
    of_dims = [each for each in done if each.question.options()["dims"] == dims]
    if not of_dims:
        return []
    directions = of_dims[0].question.options()["directions"]
    kept: dict[object, Answer] = {}
    for each in of_dims:
        options = each.question.options()
        if options["directions"] == directions:
            kept.setdefault(options["block"], each)
    return list(kept.values())[:MOST]
