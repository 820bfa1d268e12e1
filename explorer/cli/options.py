"""Options that several commands have, and the words they take."""

import math
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated

import typer


class Of(StrEnum):
    weights = "weights"
    activations = "activations"


class Estimator(StrEnum):
    auto = "auto"
    exact = "exact"
    output_probes = "output-probes"
    hutchinson = "hutchinson"


class Probes(StrEnum):
    rademacher = "rademacher"
    gaussian = "gaussian"


class PlannedCost(StrEnum):
    size = "size"
    bops = "bops"
    latency = "latency"
    activations = "activations"


class Measure(StrEnum):
    trace = "trace"
    lambda_max = "lambda-max"
    l2 = "l2"
    product = "product"


class Solver(StrEnum):
    frontier = "frontier"
    milp = "milp"
    greedy = "greedy"


class Granularity(StrEnum):
    layer = "layer"
    module = "module"


class Split(StrEnum):
    train = "train"
    test = "test"


def strictly_between(low: float, high: float) -> Callable[[float], float]:
    """A check of an option; Typer's own ranges include their ends and let NaN through."""

    def check(value: float) -> float:
        if not low < value < high:
            bounds = f"above {low:g}" if high == math.inf else f"above {low:g} and below {high:g}"
            raise typer.BadParameter(f"{value:g} must be a number {bounds}")
        return value

    return check


StudyOption = Annotated[str, typer.Option("--study", help="a built-in study, or a path to a study.toml")]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]
GranularityOption = Annotated[Granularity, typer.Option(help="what a block is")]
SeedOption = Annotated[int, typer.Option(min=0, help="of every random draw")]
