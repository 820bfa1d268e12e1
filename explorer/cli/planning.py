"""The frontier command: every Pareto-optimal plan, and the best one within a budget."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from explorer import devices
from explorer.cli import parsing
from explorer.cli.output import remark, show, table
from explorer.cli.parsing import (
    ActivationsOption,
    DeviceOption,
    JsonOption,
    LatencyOption,
    LimitOption,
    Measure,
    PlannedCost,
    Solver,
    StudyOption,
)
from explorer.cli.running import run_to_end, typed
from explorer.questions import DamageQuestion, TracesQuestion
from explorer.questions.base import Granularity

if TYPE_CHECKING:
    from explorer.blocks import Block
    from explorer.curvature import Traces
    from explorer.plans import Budget, DamageTable, Point, Problem, Rival
    from explorer.studies import Study

SHOWN = 20  # points of the frontier in the table for people


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("frontier")(frontier)


def frontier(
    study: StudyOption,
    bits: Annotated[str | None, typer.Option(help="widths on offer, e.g. 2,3,4,6,8")] = None,
    cost: Annotated[PlannedCost, typer.Option(help="the axis and the budget")] = "size",
    budget: Annotated[float | None, typer.Option(help="at most this cost")] = None,
    budget_ratio: Annotated[float | None, typer.Option(help="at most 1/R of the FP32 cost")] = None,
    budget_between: Annotated[
        float | None, typer.Option(help="fraction from all-lowest to all-highest bits")
    ] = None,
    limit: LimitOption = None,
    monotone: Annotated[bool, typer.Option("--monotone", help="only HAWQ-V2's set B")] = False,
    tie: Annotated[list[str] | None, typer.Option(help="A=B: one width for both")] = None,
    auto_ties: Annotated[
        bool, typer.Option("--auto-ties", help="tie a residual's projection to its main path")
    ] = False,
    keep: Annotated[list[str] | None, typer.Option(help="NAME=BITS: a block's width is given")] = None,
    minimum: Annotated[
        list[str] | None, typer.Option("--min", help="NAME=BITS: a block's smallest width")
    ] = None,
    maximum: Annotated[
        list[str] | None, typer.Option("--max", help="NAME=BITS: a block's largest width")
    ] = None,
    first_last_at: Annotated[
        int | None, typer.Option(metavar="BITS", help="width of the first and the last block")
    ] = None,
    a_bits: ActivationsOption = None,
    damage: Annotated[
        Measure | None,
        typer.Option(help="how Ω is predicted; product for a network, trace for published figures, without"),
    ] = None,
    against: Annotated[
        Measure | None, typer.Option(help="another measure: which plan it would choose at the same cost")
    ] = None,
    latency: LatencyOption = None,
    scales: Annotated[
        bool, typer.Option("--scales", help="count the quantizers' scales in a size too")
    ] = False,
    solver: Annotated[Solver, typer.Option(help="how to look for plans")] = "frontier",
    out: Annotated[Path | None, typer.Option(metavar="PLAN.json", help="write the chosen plan there")] = None,
    granularity: Annotated[Granularity, typer.Option(help="what a block is")] = "layer",
    device: DeviceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every plan that no other plan beats in both cost and predicted damage Ω."""
    asked: dict[str, Any] = {
        "bits": None if bits is None else parsing.menu(bits, "--bits"),
        "cost": cost,
        "monotone": monotone,
        "ties": parsing.ties(tie or []),
        "auto_ties": auto_ties,
        "keep": parsing.widths(keep or [], "--keep"),
        "minimum": parsing.widths(minimum or [], "--min"),
        "maximum": parsing.widths(maximum or [], "--max"),
        "first_last_at": first_last_at,
        **parsing.activations(a_bits),
        "scales": scales,
    }
    given = {"at_most": budget, "ratio": budget_ratio, "between": budget_between}
    if sum(value is not None for value in given.values()) > 1:
        raise typer.BadParameter("give one of --budget, --budget-ratio and --budget-between, not several")
    limits = [parsing.limit(text) for text in limit or []]
    if latency is not None:
        parsing.check_counted((cost, *(name for name, _ in limits)))
    if solver == "milp" and not limits and all(value is None for value in given.values()):
        raise typer.BadParameter(
            "milp answers one budget; give --budget, --budget-ratio, --budget-between or --limit",
            param_hint="--solver",
        )
    chooses = solver == "milp" or any(value is not None for value in given.values())
    if against is not None and not chooses:
        raise typer.BadParameter(
            "no plan is chosen without a budget; give --budget, --budget-ratio or --budget-between",
            param_hint="--against",
        )
    if out is not None:
        _check_out(out, chooses=chooses)
    if device is not None:
        devices.chosen(device)

    from explorer import plans, studies
    from explorer.jobs.loading import placed

    within = next((plans.Budget(kind, value) for kind, value in given.items() if value is not None), None)  # type: ignore[arg-type]
    further = [(name, plans.Budget("at_most", most)) for name, most in limits]
    loaded = studies.load(study)
    network = placed(loaded, device) if isinstance(loaded, studies.Study) else None
    blocks = loaded.blocks(granularity)
    own: dict[str, Any] = {} if latency is None else {"latency": plans.read_latency_csv(latency, blocks)}
    asked["cost"] = own.get(cost, cost)
    asked["constraints"] = [plans.Limit(own.get(name, name), most) for name, most in further]
    measure = damage or plans.usual_measure(loaded)

    def problem_by(measure: Measure) -> "Problem":
        if network is None:
            return plans.study_problem(loaded, damage=measure, **asked)
        inputs: dict[str, Any] = {}
        if asked["a_menu"] and measure != "product":
            inputs["activation_traces"] = _traces(network, granularity, of="activations")
        if measure == "trace":
            traces = _traces(network, granularity)
            return plans.study_problem(network, traces, damage=measure, **inputs, **asked)
        table = _damage(network, blocks, measure, granularity, _widths_of(network, asked))
        if asked["a_menu"] and measure == "product":
            table = table.with_activation(*_activation_products(network, granularity, asked))
        return plans.study_problem(network, damage=table, **inputs, **asked)

    with _standard_output_kept():
        if network is not None:
            _refuse_early(network, blocks, within, asked)
        problem = problem_by(measure)
        content, best = _answer(problem, solver, within)
        content["damage"] = measure
        other = None
        if against is not None and best is not None:
            others = plans.solve(problem_by(against))
            other = plans.rival(problem.damage, best.bits, best.a_bits, others)
            content["against"] = {"damage": against, **other.to_json()}
    if out is not None and best is not None:
        plans.write_plan(best.plan(loaded, blocks), out)
    points, chosen = content["points"], content["chosen"]
    rows = [("", *_row(point)) for point in points[:: max(1, len(points) // SHOWN)]]
    if chosen:
        rows.append(("chosen", *_row(chosen)))
    if other is not None:
        in_one_unit = {**other.point.to_json(), "omega": other.by_own.other}
        rows.append((f"by {against}", *_row(in_one_unit)))
    title = f"{_TITLES[solver]} of {loaded.name}: {len(points):,} of {problem.search_space:,} plans ({content['unit']})"
    columns = ("", "cost", "Ω", "bits, in depth order")
    show(content, as_json, table(title, columns, rows, words=columns[3:]), about=loaded)
    _remarks(content)
    if other is not None:
        remark(_rivalry(other, measure, against or measure))
    if out is not None:
        remark(f"the chosen plan is in {out}")


def _check_out(out: Path, *, chooses: bool) -> None:
    """Refuse what cannot be written before anything long is computed."""
    if not chooses:
        raise typer.BadParameter(
            "no plan is chosen without a budget; give --budget, --budget-ratio or --budget-between",
            param_hint="--out",
        )
    parsing.check_out(out)


_TITLES = {
    "frontier": "Frontier",
    "milp": "Best plan",
    "greedy": "Greedy path",
}


def _answer(
    problem: "Problem", solver: Solver, budget: "Budget | None"
) -> "tuple[dict[str, Any], Point | None]":
    """What is printed (points, the chosen one, what the solver can say about it), and the chosen point."""
    from explorer import plans

    content: dict[str, Any] = {
        "points": [],
        "chosen": None,
        "search_space": str(problem.search_space),
        "cost": problem.cost.name,
        "unit": problem.cost.unit,
        "activations": problem.a_menu or problem.a_bits or "weights",
        "resolution": 0.0,
        "solver": solver,
    }
    if problem.bounds:
        content["limits"] = [
            {"cost": each.cost.name, "at_most": each.cost.in_unit(each.limit), "unit": each.cost.unit}
            for each in problem.bounds
        ]
    if solver == "milp":
        axis = [] if budget is None else [plans.Limit(problem.cost, budget)]
        solution = plans.solve_one(problem, axis)
        chosen = solution.point
        content["points"] = [chosen.to_json()]
        content |= {
            "gap": solution.gap,
            "certificate": vars(solution.certificate),
            "binding": solution.binding,
        }
    else:
        found = plans.solve(problem) if solver == "frontier" else plans.greedy(problem)
        if isinstance(found, plans.Frontier):
            content["resolution"] = found.resolution
            if problem.bounds:
                content["slack"] = found.slack
        content["points"] = [point.to_json() for point in found.points()]
        if budget is None:
            return content, None
        chosen = found.best_under(budget)
    spent = {
        each.cost.name: each.cost.in_unit(each.cost.count(chosen.bits, chosen.a_bits))
        for each in problem.bounds
    }
    content["chosen"] = chosen.to_json() | ({"limited": spent} if spent else {})
    return content, chosen


def _remarks(content: dict[str, Any]) -> None:
    if content["activations"] == "weights":
        remark("activations are as wide as their block's weights; predicted damage counts the weights alone")
    if "certificate" in content:
        remark(content["certificate"]["text"])
    if content["resolution"] or any(content.get("slack", ())):
        remark(
            f'the frontier is exact up to {content["resolution"]:,.6g} {content["unit"]} and up to the "slack" of '
            "each limit; --solver milp answers one budget exactly"
        )


def _rivalry(other: "Rival", own: str, against: str) -> str:
    """Both plans by both measures, in a sentence."""
    if not other.changed:
        return f"{against} would choose the same plan"
    told = [
        f"Ω by {name} {each.own:.4g} for the chosen plan, {each.other:.4g} for the other"
        + (f" ({each.difference:+.2g} ± {each.stderr:.1g})" if each.stderr else "")
        for name, each in ((own, other.by_own), (against, other.by_other))
    ]
    return f"{against} would choose another plan, different in {len(other.changed)} blocks: {'; '.join(told)}"


@contextmanager
def _standard_output_kept() -> Iterator[None]:
    """What a library prints goes to standard error; HiGHS writes to the descriptor itself."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)


def _traces(
    study: "Study", granularity: Granularity, of: Literal["weights", "activations"] = "weights"
) -> "Traces":
    """The best finished traces, as on the page; computed with the defaults where there are none."""
    from explorer.jobs import answers
    from explorer.runs import Store

    what = "traces" if of == "weights" else f"traces of the {of}"
    question = TracesQuestion(of=of, granularity=granularity)
    best = answers.best(Store.open(), study, question)
    if best is not None and best.question != question:
        remark(f"the {what} are those of the run {best.run.id}, the most precise that are finished")
    run = run_to_end(study, question, f"{what} of {study.name}") if best is None else best.run
    found: Traces = typed(run)
    return found


def _damage(
    study: "Study",
    blocks: "Sequence[Block]",
    measure: Measure,
    granularity: Granularity,
    widths: Iterable[int],
) -> "DamageTable":
    """Damage by another measure than the trace."""
    from explorer.plans import DamageTable, error_damage, network_errors

    if measure == "l2":
        return error_damage(network_errors(study, blocks, widths))
    usual = DamageQuestion.default("bits")
    bits = sorted({*usual, *widths} - {32})
    question = DamageQuestion(measure=measure, granularity=granularity, bits=bits)
    run = run_to_end(study, question, f"damage of {study.name} by {measure}")
    return DamageTable.from_json((run.result or {})["table"])


def _activation_products(study: "Study", granularity: Granularity, asked: dict[str, Any]) -> Any:
    """The damage of activations in the currency of the products, and its standard error."""
    from explorer.plans import DamageTable

    widths = {*asked["a_menu"], *([asked["first_last_at"]] if asked["first_last_at"] else [])}
    bits = sorted({*DamageQuestion.default("bits"), *widths} - {32})
    question = DamageQuestion(measure="activation-product", granularity=granularity, bits=bits)
    run = run_to_end(study, question, f"damage of the activations of {study.name}")
    table = DamageTable.from_json((run.result or {})["table"])
    return table.activation, table.activation_stderr


def _widths_of(study: "Study", asked: dict[str, Any]) -> set[int]:
    """The widths that a plan may give a block's weights."""
    from explorer.plans import default_menu

    ends = [asked["first_last_at"]] if asked["first_last_at"] else []
    return {*(asked["bits"] or default_menu(study)), *asked["keep"].values(), *ends}


def _refuse_early(
    study: "Study", blocks: "Sequence[Block]", limit: "Budget | None", asked: dict[str, Any]
) -> None:
    """Ask the same question where nothing does damage, so that a mistake is told before traces are computed.

    A monotone order is left out: which it is, only the traces can tell.
    """
    from explorer import plans

    nothing = {block.name: dict.fromkeys(plans.ALLOWED_BITS, 0.0) for block in blocks}
    damage = plans.DamageTable(nothing, {}, {}, activation=nothing if asked["a_menu"] else {})
    found = plans.frontier(study, damage=damage, **(asked | {"monotone": False}))
    if limit is not None:
        found.best_under(limit)


def _row(point: dict[str, Any]) -> tuple[str, str, str]:
    return f"{point['cost']:,}", f"{point['omega']:.4g}", " ".join(_bits(point))


def _bits(point: dict[str, Any]) -> list[str]:
    """4, or 4/8 where the activations' width was chosen too."""
    chosen = point.get("a_bits")
    return [f"{w}/{chosen[block]}" if chosen else str(w) for block, w in point["bits"].items()]
