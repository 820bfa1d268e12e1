"""The frontier command: every Pareto-optimal plan, and the best one within a budget."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from explorer.cli.options import Granularity, GranularityOption, JsonOption, PlannedCost, StudyOption
from explorer.cli.output import show, table
from explorer.cli.running import run_to_end

if TYPE_CHECKING:
    from explorer.curvature import Traces
    from explorer.plans import Budget
    from explorer.studies import Study

SHOWN = 20  # points of the frontier in the table for people


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("frontier")(frontier)


def frontier(
    study: StudyOption,
    bits: Annotated[str | None, typer.Option(help="widths on offer, e.g. 2,3,4,6,8")] = None,
    cost: Annotated[PlannedCost, typer.Option(help="the axis and the budget")] = PlannedCost.size,
    budget: Annotated[float | None, typer.Option(help="at most this cost")] = None,
    budget_ratio: Annotated[float | None, typer.Option(help="at most 1/R of the FP32 cost")] = None,
    budget_between: Annotated[
        float | None, typer.Option(help="fraction from all-lowest to all-highest bits")
    ] = None,
    monotone: Annotated[bool, typer.Option("--monotone", help="only HAWQ-V2's set B")] = False,
    tie: Annotated[list[str] | None, typer.Option(help="A=B: one width for both")] = None,
    keep: Annotated[list[str] | None, typer.Option(help="NAME=BITS: a block's width is given")] = None,
    granularity: GranularityOption = Granularity.layer,
    as_json: JsonOption = False,
) -> None:
    """Every plan that no other plan beats in both cost and predicted damage Ω."""
    asked: dict[str, Any] = {
        "bits": None if bits is None else _menu(bits),
        "cost": cost.value,
        "monotone": monotone,
        "ties": _ties(tie or []),
        "keep": _kept(keep or []),
    }
    given = {"at_most": budget, "ratio": budget_ratio, "between": budget_between}
    if sum(value is not None for value in given.values()) > 1:
        raise typer.BadParameter("give one of --budget, --budget-ratio and --budget-between, not several")

    from explorer import plans, studies

    limit = next((plans.Budget(kind, value) for kind, value in given.items() if value is not None), None)  # type: ignore[arg-type]
    loaded = studies.load(study)
    traces = None
    if isinstance(loaded, studies.Study):
        _refuse_early(loaded, granularity.value, limit, asked)
        traces = _traces(loaded, granularity.value)
    found = plans.frontier(loaded, traces, **asked)
    content = found.to_json(limit)
    points, chosen = content["points"], content["chosen"]
    rows = [("", *_row(point)) for point in points[:: max(1, len(points) // SHOWN)]]
    if chosen:
        rows.append(("chosen", *_row(chosen)))
    title = f"Frontier of {loaded.name}: {len(found):,} of {found.search_space:,} plans ({content['unit']})"
    columns = ("", "cost", "Ω", "bits, in depth order")
    show(content, as_json, table(title, columns, rows, words=columns[3:]))


def _traces(study: "Study", granularity: str) -> "Traces":
    from explorer.curvature import Traces
    from explorer.runs import requests

    _, result = run_to_end(requests.traces(study, granularity=granularity), f"traces of {study.name}")
    return Traces.from_json(result)


def _refuse_early(study: "Study", granularity: str, limit: "Budget | None", asked: dict[str, Any]) -> None:
    """Solve the same question with traces of zero, so that a mistake is told before the traces are computed.

    The squared errors that this needs are kept for the real question.
    """
    from explorer import plans
    from explorer.blocks import study_blocks
    from explorer.curvature import BlockTrace, Traces

    blocks = study_blocks(study, "module" if granularity == "module" else "layer")
    zero = tuple(BlockTrace(block.name, block.weights, 0.0, 0.0, 0.0, 0) for block in blocks)
    found = plans.frontier(study, Traces(study.name, "weights", "exact", zero, 0.0), **asked)
    if limit is not None:
        found.best_under(limit)


def _row(point: dict[str, Any]) -> tuple[str, str, str]:
    return (
        f"{point['cost']:,}",
        f"{point['omega']:.4g}",
        " ".join(str(bits) for bits in point["bits"].values()),
    )


def _menu(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} must be widths with commas between, e.g. 2,4,8", param_hint="--bits"
        ) from None


def _ties(texts: list[str]) -> list[list[str]]:
    groups = [text.split("=") for text in texts]
    if wrong := [text for text, group in zip(texts, groups, strict=True) if len(group) < 2 or not all(group)]:
        raise typer.BadParameter(
            f"{wrong[0]!r} must read A=B, two blocks that share a width", param_hint="--tie"
        )
    return groups


def _kept(texts: list[str]) -> dict[str, int]:
    kept: dict[str, int] = {}
    for text in texts:
        name, _, width = text.rpartition("=")
        if not name or not width.isdecimal() or len(width) > 2:
            raise typer.BadParameter(f"{text!r} must read NAME=BITS, e.g. conv1=8", param_hint="--keep")
        if kept.setdefault(name, int(width)) != int(width):
            raise typer.BadParameter(
                f"{name} is kept at {kept[name]} bits and at {width}; give one width", param_hint="--keep"
            )
    return kept
