"""Step sizes by LAPQ: the loss along p, the joint descent, and what each phase is worth."""

from collections.abc import Mapping

from explorer.figures.look import percent_text
from explorer.figures.steps import curves
from explorer.jobs import answers
from explorer.jobs.answers import Answer
from explorer.lapq import LapqResult
from explorer.questions import LapqQuestion
from explorer.reports.commands import command
from explorer.reports.material import Absent, Material
from explorer.reports.page import Part, Picture, Section, Table, Words

PHASES: Mapping[str, str] = {
    "layerwise": "1. every tensor by itself (least squared error)",
    "quadratic": "2. the best p for all",
    "joint": "3. all steps jointly",
}


def section(of: Material) -> Section | Absent:
    """The search for the plan's steps, else the newest."""
    found = _search(of)
    if found is None:
        how = command(LapqQuestion(method="gradient"), of.reference) or ""
        return Absent("Step sizes by LAPQ", how if of.study.has_network else "")
    result: LapqResult = found.result
    bits = "the widths of a plan" if result.widths is not None else f"W{result.w_bits} A{result.a_bits}"
    words = (
        f"LAPQ chooses how far apart the rounded values lie, at {bits}. For a start every tensor is rounded with the least "
        "L_p error; then p is chosen by the loss of the whole network, and at last all steps are optimised jointly."
    )
    parts: list[Part] = [Words(words)]
    unit = "nats" if of.study.has_network and of.study.loss.unit == "nats" else "loss"
    view = curves.p_view(result.p_curve.to_json(), unit=unit)
    p = f"p = {result.p_curve.best_p:.3g}"
    parts.append(
        Picture(
            curves.figure(view, height=340),
            f"Calibration loss against p; the best is at {p}, where the joint phase began.",
        )
    )
    path = [point.to_json() for point in result.path]
    if path:
        figure = curves.figure(curves.descent_view({result.method: path}, unit=unit), height=340)
        caption = (
            f"The joint descent by {result.method}, from {path[0]['loss']:.4g} to {path[-1]['loss']:.4g}: best calibration "
            f"loss so far against work, {result.joint_evaluations:,} evaluations in all."
        )
        parts.append(Picture(figure, caption))
    rows = tuple(
        (
            PHASES.get(name, name),
            f"{stage.calibration_loss:.4f}",
            f"{stage.loss:.4f} ± {stage.loss_stderr:.4f}",
            percent_text(stage.accuracy, stage.accuracy_stderr),
        )
        for name, stage in result.stages.items()
    )
    caption = (
        f"Calibration loss is on {result.calibration:,} samples that the phases minimise, hence optimistic."
    )
    parts.append(
        Table(("phase", "calibration loss", "test loss", f"test {of.study.metric.name}"), rows, caption)
    )
    return Section("steps", "Step sizes", tuple(parts), (found.run.id,))


def _search(of: Material) -> Answer | None:
    done = [each for each in answers.asked(of.runs, of.study, "lapq") if each.run.status == "done"]
    named = [each for each in done if any(each.run.id == run.id for run in of.named)]
    if named or not of.plans:
        return next(iter(named or done), None)
    plan = of.plans[0][0]
    steps = plan.steps
    given = None if steps is None else {layer: each.w_step for layer, each in steps.layers.items()}
    for each in done:
        result: LapqResult = each.result
        found = {site.layer: result.steps[site.name] for site in result.sites if site.kind == "weight"}
        if given is not None and all(found.get(layer) == step for layer, step in given.items() if step):
            return each
        widths = getattr(each.question, "plan", None)
        if isinstance(widths, dict) and widths.get("blocks") == plan.to_json()["blocks"]:
            return each
    return done[0] if done else None
