"""How sensitive every block is: Hessian traces of weights and activations, with their errors."""

from explorer.blocks import Block
from explorer.curvature import Traces
from explorer.figures.curvature import sensitivity
from explorer.figures.curvature.sensitivity import Panel
from explorer.questions import TracesQuestion
from explorer.reports.commands import command
from explorer.reports.material import Absent, Material
from explorer.reports.page import Part, Picture, Section, Words
from explorer.studies import ProfileStudy


def section(of: Material) -> Section | Absent:
    """The traces that there are; those that were published, of a profile."""
    study = of.study
    title = "How sensitive each block is"
    words = Words(
        "Where the loss curves strongly, small changes of the weights cost much. The mean Hessian trace of a block is that "
        "curvature for each of its weights; blocks differ by orders of magnitude, and few bits belong where it is small."
    )
    if isinstance(study, ProfileStudy):
        sizes = {block.name: block.weights for block in study.blocks()}
        dots = sensitivity.published_view(study.mean_traces, sizes, "depth", study.blocks())
        figure = sensitivity.figure(dots, label="published, without an error")
        caption = f"{sensitivity.finding([Panel('weights', dots)])} Published figures: {study.card.source}."
        return Section("sensitivity", title, (words, Picture(figure, caption)))
    parts: list[Part] = [words]
    runs: list[str] = []
    wanted = TracesQuestion(granularity=of.granularity)
    for question in (wanted, wanted.but(of="activations")):
        found = of.best(question)
        if found is not None:
            parts += _drawn(found.result, of.blocks)
            runs.append(found.run.id)
    if not runs:
        return Absent("Sensitivity of the blocks", command(wanted, of.reference) or "")
    return Section("sensitivity", title, tuple(parts), tuple(runs))


def _drawn(traces: Traces, blocks: tuple[Block, ...]) -> list[Part]:
    records = traces.summary()["blocks"]
    panel = Panel(traces.of, sensitivity.view(records, of=traces.of, structure=blocks))
    figure = sensitivity.figure(panel.dots, of=traces.of)
    caption = (
        f"{sensitivity.finding([panel])} Bars are one standard error; the method was {traces.method}, "
        f"with samples as they were needed for a relative error of {traces.rel_se:g}."
    )
    parts: list[Part] = [Picture(figure, caption)]
    return [*parts, Words(traces.note)] if traces.note else parts
