"""Options that several commands have, and the words they take."""

import math
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


class PlannedCost(StrEnum):
    size = "size"
    bops = "bops"
    latency = "latency"


class Granularity(StrEnum):
    layer = "layer"
    module = "module"


class Split(StrEnum):
    train = "train"
    test = "test"


def above_zero(value: float) -> float:
    """Refuse zero, negative numbers, infinities and NaN; a range lets NaN through."""
    if not 0 < value < math.inf:
        raise typer.BadParameter(f"{value:g} must be a number above 0")
    return value


StudyOption = Annotated[str, typer.Option("--study", help="a built-in study, or a path to a study.toml")]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]
GranularityOption = Annotated[Granularity, typer.Option(help="what a block is")]
SeedOption = Annotated[int, typer.Option(min=0, help="of every random draw")]
