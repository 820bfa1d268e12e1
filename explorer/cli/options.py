"""Options that several commands have, and the words that options of no question take."""

from typing import Annotated, Literal

import typer

PlannedCost = Literal["size", "bops", "latency", "activations"]
Measure = Literal["trace", "lambda-max", "l2", "product"]
Solver = Literal["frontier", "milp", "greedy"]

StudyOption = Annotated[str, typer.Option("--study", help="a built-in study, or a path to a study.toml")]
JsonOption = Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")]
