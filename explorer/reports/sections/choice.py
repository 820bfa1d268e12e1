"""The frontier with the plans of the report on it, and the widths of every block."""

import html
from dataclasses import replace

from explorer.errors import PlanError
from explorer.figures import look
from explorer.figures.plans import frontier as picture
from explorer.figures.plans import frontier_view, strips
from explorer.figures.plans import plan as bars
from explorer.jobs import answers
from explorer.plans import solve, study_problem
from explorer.plans.scene import Scene, compose
from explorer.proxy import MeasuredFrontier, ladder_of
from explorer.proxy.along import CANDIDATES, spread_along
from explorer.questions import DamageQuestion, MeasureFrontierQuestion, TracesQuestion
from explorer.reports.commands import command
from explorer.reports.material import Absent, Material
from explorer.reports.page import Part, Picture, Section, Table, Words
from explorer.runs import Run

_HEIGHT = 480
_COLOURS = (look.ACCENT, look.BIT_COLOURS[2], look.BIT_COLOURS[8], look.ACTIVATIONS)


def section(of: Material) -> Section | Absent:
    """The frontier, the plans on it, and their bits."""
    parts: list[Part] = []
    runs: list[str] = []
    if of.judged is not None:
        question, basis = of.judged
        frontier = solve(study_problem(of.study, basis.traces, question=question, damage=basis.table))
        scene = compose(of.study, of.blocks, question, frontier)
        along = _along(of, scene)
        runs += [*_basis_runs(of), *([along.id] if along else [])]
        parts += _frontier(of, scene, along)
    if of.plans:
        parts += _widths(of)
    if not parts:
        return Absent("The frontier", command(DamageQuestion(), of.reference) or "")
    return Section("choice", _title(of), tuple(parts), tuple(runs))


def _title(of: Material) -> str:
    return "The plans" if of.comparison else "The choice" if of.plans else "The plans that there are"


def _frontier(of: Material, scene: Scene, along: Run | None) -> list[Part]:
    view = frontier_view.view(scene)
    unit, scale = frontier_view.axis(scene)
    if along is not None:
        found = MeasuredFrontier.from_json(along.result or {})
        places = spread_along(scene.frontier.cost, CANDIDATES)
        dots = [
            frontier_view.Measured(
                float(scene.frontier.cost[places[p.place]] / scale), p.accuracy, p.accuracy_stderr or 0.0
            )
            for p in found.plans
            if p.accuracy is not None
        ]
        view = replace(view, measured=dots, full=found.full.accuracy)
    figure = picture.figure(view, height=_HEIGHT, damage=of.damage)
    places_said = []
    for number, (name, (plan, _)) in enumerate(zip(of.names, of.plans, strict=True)):
        try:
            cost, omega = scene.place(plan)
        except PlanError:  # a width whose damage or cost is not known
            places_said.append(f"{name} has widths whose damage is not known, so it is not drawn")
            continue
        figure.add_scatter(
            x=[cost / scale],
            y=[omega],
            mode="markers",
            marker={
                "symbol": "star",
                "size": 18,
                "color": _COLOURS[number % len(_COLOURS)],
                "line": {"width": 1, "color": "white"},
            },
            name=html.escape(name),
            hovertemplate=f"<b>%{{fullData.name}}</b><br>%{{x:.4g}} {unit}<br>Ω %{{y:.3g}}<extra></extra>",
        )
        on = "on" if scene.find(plan) is not None else "not on"
        places_said.append(f"{name[:1].upper()}{name[1:]} (a star) is {on} the frontier")
    frontier = scene.frontier
    menu = ", ".join(map(str, frontier.problem.menu))
    words = (
        f"With {menu} bits for each of {len(of.blocks)} blocks there are {_count(frontier.search_space)} plans. Of "
        f"{len(frontier):,} of them none is smaller without more predicted damage: that is the frontier."
    )
    caption = (
        f"Predicted damage against size, both better the smaller they are. {'. '.join(places_said)}."
        if places_said
        else "Predicted damage against size, both better the smaller they are."
    )
    if len(view.lower):
        caption += " The band is one standard error of the damage."
    if view.measured:
        caption += (
            f" {of.study.metric.title} without training, on the right axis, was measured on test samples."
        )
    return [Words(words), Picture(figure, caption)]


def _widths(of: Material) -> list[Part]:
    weights = {block.name: block.weights for block in of.blocks}
    if of.comparison:
        same = {tuple(plan.blocks) for plan, _ in of.plans}
        if len(same) > 1:
            return [
                Words("The plans are of different blocks, so their widths are not drawn beside each other.")
            ]
        rows = {
            html.escape(name): {b: (w.w_bits, w.a_bits) for b, w in plan.blocks.items()}
            for name, (plan, _) in zip(of.names, of.plans, strict=True)
        }
        return [
            Picture(strips.figure(rows), "Weight bits of every block, a row a plan."),
            _table(of, weights),
        ]
    plan = of.plans[0][0]
    view = bars.view({b: (w.w_bits, w.a_bits) for b, w in plan.blocks.items()}, weights)
    caption = (
        "The bits of every block, from input to output: bars are those of the weights, ticks those of the activations. "
        "Below, the size of each block's packed weights."
    )
    return [Picture(bars.figure(view, sizes=True, height=420), caption), _table(of, weights)]


def _table(of: Material, weights: dict[str, int]) -> Table:
    rows = tuple(
        (
            block,
            f"{count:,}",
            *(f"W{plan.blocks[block].w_bits} A{plan.blocks[block].a_bits}" for plan, _ in of.plans),
        )
        for block, count in weights.items()
    )
    return Table(("block", "weights", *of.names), rows)


def _along(of: Material, scene: Scene) -> Run | None:
    """What was measured along this frontier, where it was."""
    if not of.study.has_network:
        return None
    try:
        question = MeasureFrontierQuestion(plans=ladder_of(scene.frontier))
    except PlanError:  # one point, or two points whose plans are the same
        return None
    found = answers.best(of.runs, of.study, question)
    return None if found is None else found.run


def _basis_runs(of: Material) -> list[str]:
    """The runs that Ω is computed from."""
    questions = (TracesQuestion(granularity=of.granularity), DamageQuestion(granularity=of.granularity))
    if not of.study.has_network:
        return []
    found = [answers.best(of.runs, of.study, question) for question in questions]
    return [each.run.id for each in found if each is not None]


def _count(plans: int) -> str:
    return f"{plans:,}" if plans < 10**6 else f"about 10^{len(str(plans)) - 1}"
