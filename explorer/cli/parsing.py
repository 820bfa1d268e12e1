"""Options that several commands have, and what people type for widths, ties and limits; a mistake names its option."""

from typing import Annotated, Literal, get_args

import typer

PlannedCost = Literal["size", "bops", "latency", "activations"]
Measure = Literal["trace", "lambda-max", "l2", "product"]
Solver = Literal["frontier", "milp", "greedy"]

StudyOption = Annotated[str, typer.Option("--study", help="a built-in study, or a path to a study.toml")]
TimeLimitOption = Annotated[
    str | None, typer.Option("--time-limit", help="stop after so long, such as 45m or 2h, to be resumed")
]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]


def menu(text: str, option: str) -> tuple[int, ...]:
    """Widths with commas between."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise typer.BadParameter(
            f"{text!r} must be widths with commas between, e.g. 2,4,8", param_hint=option
        ) from None


def limit(text: str) -> tuple[str, float]:
    """COST=VALUE."""
    name, _, value = text.rpartition("=")
    try:
        if name in get_args(PlannedCost):
            return name, float(value)
    except ValueError:
        pass
    raise typer.BadParameter(
        f"{text!r} must read COST=VALUE with one of {', '.join(get_args(PlannedCost))}, e.g. bops=2e9",
        param_hint="--limit",
    )


def ties(texts: list[str]) -> list[list[str]]:
    """A=B, several times."""
    groups = [text.split("=") for text in texts]
    if wrong := [text for text, group in zip(texts, groups, strict=True) if len(group) < 2 or not all(group)]:
        raise typer.BadParameter(
            f"{wrong[0]!r} must read A=B, two blocks that share a width", param_hint="--tie"
        )
    return groups


def widths(texts: list[str], option: str) -> dict[str, int]:
    """NAME=BITS, several times."""
    found: dict[str, int] = {}
    for text in texts:
        name, _, width = text.rpartition("=")
        if not name or not width.isdecimal() or len(width) > 2:
            raise typer.BadParameter(f"{text!r} must read NAME=BITS, e.g. conv1=8", param_hint=option)
        if found.setdefault(name, int(width)) != int(width):
            raise typer.BadParameter(
                f"{name} is given {found[name]} bits and {width}; give one width", param_hint=option
            )
    return found
