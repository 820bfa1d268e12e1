"""The frontier command: every Pareto-optimal plan, and the best one within a budget."""

from typing import Annotated

import typer

from explorer import plans, studies
from explorer.blocks import Granularity
from explorer.cli.output import JsonOption, StudyOption, show, table
from explorer.cli.running import run_to_end
from explorer.cli.studying import Granularity as GranularityOption
from explorer.cli.studying import PlannedCost
from explorer.curvature import Traces
from explorer.plans import Budget
from explorer.studies import AnyStudy, ProfileStudy


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("frontier")(frontier)


def frontier(
    study: StudyOption,
    bits: Annotated[str | None, typer.Option(help="widths on offer, e.g. 2,3,4,6,8")] = None,
    cost: Annotated[PlannedCost, typer.Option(help="the axis and the budget")] = PlannedCost.size,
    budget: Annotated[float | None, typer.Option(help="at most this cost")] = None,
    budget_ratio: Annotated[float | None, typer.Option(help="at most 1/R of the FP32 cost")] = None,
    budget_between: Annotated[float | None, typer.Option(help="fraction from all-lowest to all-highest bits")] = None,
    monotone: Annotated[bool, typer.Option("--monotone", help="only HAWQ-V2's set B")] = False,
    tie: Annotated[list[str] | None, typer.Option(help="A=B: one width for both")] = None,
    keep: Annotated[list[str] | None, typer.Option(help="NAME=BITS: a block's width is given")] = None,
    granularity: Annotated[GranularityOption, typer.Option(help="what a block is")] = GranularityOption.layer,
    as_json: JsonOption = False,
) -> None:
    """Every plan that no other plan beats in both cost and predicted damage Ω."""
    limit = _budget(budget, budget_ratio, budget_between)
    menu = None if bits is None else _menu(bits)
    ties, kept = _ties(tie or []), _kept(keep or [])
    loaded = studies.load(study)
    found = plans.frontier(
        loaded,
        _traces(loaded, granularity.value),
        bits=menu,
        cost=cost.value,
        monotone=monotone,
        ties=ties,
        keep=kept,
    )
    content = found.to_json(limit)
    chosen = content["chosen"]
    every = max(1, len(found) // 20)
    rows = [_row(point) for point in content["points"][::every]]
    if chosen:
        rows.append(("chosen", *_row(chosen)[1:]))
    title = f"Frontier of {loaded.name}: {len(found):,} of {found.search_space:,} plans ({content['unit']})"
    show(content, as_json, table(title, ("", "cost", "Ω", "bits"), rows))


def _traces(study: AnyStudy, granularity: Granularity) -> Traces | None:
    from explorer.runs import requests

    if isinstance(study, ProfileStudy):
        return None
    spec = requests.traces(study, granularity=granularity)
    return Traces.from_json(run_to_end(spec, f"traces of {study.name}").result or {})


def _row(point: dict) -> tuple[str, str, str, str]:
    return "", f"{point['cost']:,}", f"{point['omega']:.4g}", " ".join(str(bits) for bits in point["bits"].values())


def _budget(at_most: float | None, ratio: float | None, between: float | None) -> Budget | None:
    given = [
        Budget(kind, value)
        for kind, value in (("at_most", at_most), ("ratio", ratio), ("between", between))
        if value is not None
    ]
    if len(given) > 1:
        raise typer.BadParameter("give one of --budget, --budget-ratio and --budget-between, not several")
    return given[0] if given else None


def _menu(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(f"{text!r} must be widths with commas between, e.g. 2,4,8", param_hint="--bits") from None


def _ties(texts: list[str]) -> list[list[str]]:
    groups = [text.split("=") for text in texts]
    if wrong := [text for text, group in zip(texts, groups, strict=True) if len(group) < 2 or not all(group)]:
        raise typer.BadParameter(f"{wrong[0]!r} must read A=B, two blocks that share a width", param_hint="--tie")
    return groups


def _kept(texts: list[str]) -> dict[str, int]:
    kept = {}
    for text in texts:
        name, _, width = text.rpartition("=")
        if not name or not width.isdecimal():
            raise typer.BadParameter(f"{text!r} must read NAME=BITS, e.g. conv1=8", param_hint="--keep")
        kept[name] = int(width)
    return kept
