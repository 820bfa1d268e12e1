"""Options that several commands have, and what people type for widths, ties and limits; a mistake names its option."""

import math
import os
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import typer

from explorer.devices import SPELLED, VARIABLE

PlannedCost = Literal["size", "bops", "latency", "activations"]
Measure = Literal["trace", "lambda-max", "l2", "product"]
Solver = Literal["frontier", "milp", "greedy"]

StudyOption = Annotated[str, typer.Option("--study", help="a built-in study, or a path to a study.toml")]
TimeLimitOption = Annotated[
    str | None, typer.Option("--time-limit", help="stop after so long, such as 45m or 2h, to be resumed")
]
DeviceOption = Annotated[
    str | None,
    typer.Option(
        "--device",
        help=f"where the network runs: {SPELLED}; by default what {VARIABLE} says, else cpu",
    ),
]
ActivationsOption = Annotated[
    str | None,
    typer.Option(
        "--a-bits",
        metavar="A",
        help="width of the activations, weights (as wide), or several to choose from, e.g. 4,8",
    ),
]
LatencyOption = Annotated[
    Path | None,
    typer.Option(
        "--latency", metavar="FILE.csv", help="latencies of one's own, a line for each block and width"
    ),
]
LimitOption = Annotated[
    list[str] | None, typer.Option("--limit", help="COST=VALUE: a further cost that must not be exceeded")
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


def activations(text: str | None) -> dict[str, Any]:
    """Options of a frontier's question: one width, ``weights``, or a menu with commas between."""
    if text is None or text == "weights":
        return {"a_bits": text, "a_menu": ()}
    widths = menu(text, "--a-bits")
    return {"a_bits": widths[0], "a_menu": ()} if len(widths) == 1 else {"a_bits": None, "a_menu": widths}


def share(text: str, option: str) -> float:
    """A share between 0 and 1, typed as ``1%`` or ``0.01``."""
    number, percent = text.removesuffix("%").strip(), text.endswith("%")
    try:
        value = round(float(number) / (100 if percent else 1), 10)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise typer.BadParameter(
            f"{text!r} must be a share above 0 and below 1, e.g. 1% or 0.01", param_hint=option
        )
    return value


def check_out(out: Path) -> None:
    """Refuse what cannot be written before anything long is computed."""
    if os.path.exists(out) and not out.is_file():
        raise typer.BadParameter(f"{out} is not a file; name another place", param_hint="--out")
    if not os.path.isdir(out.absolute().parent):
        raise typer.BadParameter(
            f"the folder {out.absolute().parent} does not exist; make it, or name another place",
            param_hint="--out",
        )


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


def latencies(path: Path | None, counted: Collection[str]) -> str:
    """Text of a file of latencies, none without one.

    Raises:
        BadParameter: none of the costs that count is latency.
        PlanError: the file cannot be read.
    """
    if path is None:
        return ""
    check_counted(counted)
    from explorer.plans.costs.latency_file import latency_text

    return latency_text(path)


def check_counted(counted: Collection[str]) -> None:
    """Refuse latencies that no cost asks for."""
    if "latency" not in counted:
        raise typer.BadParameter(
            "the latencies are not asked for; give --cost latency or --limit latency=VALUE too",
            param_hint="--latency",
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
