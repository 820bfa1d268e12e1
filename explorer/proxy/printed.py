"""A frontier that ``frontier --json`` printed, read back as plans that can be measured."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, Field, ValidationError

from explorer.errors import PlanError
from explorer.plans.plan.plan import check_names
from explorer.proxy.along import CANDIDATES, spread_along
from explorer.questions.along import Ladder
from explorer.studies import Study


@dataclass(frozen=True, eq=False)
class PrintedFrontier:
    """A frontier as ``frontier --json`` prints it, thinned to a ladder.

    Attributes:
        ladder: its plans.
        cost, omega: (P,) of each.
        unit: of the cost.
    """

    ladder: Ladder
    cost: np.ndarray
    omega: np.ndarray
    unit: str


class _Point(BaseModel):
    cost: float
    omega: float
    bits: dict[str, int]
    a_bits: dict[str, int] | None = None


class _Printed(BaseModel):
    points: list[_Point] = Field(min_length=1)
    activations: int | Literal["weights"] | list[int]
    unit: str = ""


def printed_frontier(content: Any, study: Study, most: int = CANDIDATES) -> PrintedFrontier:
    """Read what ``frontier --json`` printed; at most ``most`` of its plans, evenly spread along the cost.

    Raises:
        PlanError: it is something else, or of other blocks than the study's.
    """
    try:
        printed = _Printed.model_validate(content)
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"])) or "content"
        raise PlanError(
            f"the frontier's {where} is wrong: {problem['msg']}; give what frontier --json printed"
        ) from error
    points = sorted(printed.points, key=lambda point: point.cost)
    cost = np.array([point.cost for point in points])
    kept = spread_along(cost, most)
    if len(kept) < 2:
        raise PlanError(
            "the plans of the frontier all have one cost, or it is a single plan; give one with plans of several costs"
        )
    first = points[0].bits
    partitions = (study.blocks(), study.blocks("module"))
    blocks = max(partitions, key=lambda each: sum(block.name in first for block in each))
    names = [block.name for block in blocks]
    weights: list[list[int]] = []
    inputs: list[list[int]] = []
    for place in kept:
        bits, given = points[place].bits, points[place].a_bits
        check_names(bits, blocks, study.name)
        if given is not None:
            check_names(given, blocks, study.name)
        weights.append([bits[name] for name in names])
        if given is not None:
            inputs.append([given[name] for name in names])
        elif printed.activations == "weights":
            inputs.append(weights[-1])
        elif isinstance(printed.activations, int):
            inputs.append([printed.activations] * len(names))
        else:
            raise PlanError("the frontier's activations were chosen, but its points do not have them")
    ladder = Ladder.of(names, weights, inputs)
    omega = np.array([point.omega for point in points])
    return PrintedFrontier(ladder, cost[kept], omega[kept], printed.unit)
