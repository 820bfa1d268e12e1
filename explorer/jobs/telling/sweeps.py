"""A sweep of trainings in one table: each plan by each method, mean and standard deviation over seeds."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

Place = tuple[str, str, int]  # plan, method, seed


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of values, with n - 1 in its denominator; NaN for a single one."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(fmean(values), stdev(values) if len(values) > 1 else math.nan)

    def words(self, digits: int, scale: float = 1.0) -> str:
        """``90.10 ± 0.32``; a single value by itself."""
        mean, spread = f"{self.mean * scale:.{digits}f}", f"{self.deviation * scale:.{digits}f}"
        return mean if math.isnan(self.deviation) else f"{mean} ± {spread}"


@dataclass(frozen=True)
class Row:
    """One plan by one method.

    Attributes:
        runs: how many seeds.
        size_bytes: packed weights.
        before, after: the metric on the test split without training and after it, in [0, 1]; None where there is none.
        loss: mean test loss after training.
    """

    plan: str
    method: str
    runs: int
    size_bytes: int
    before: Spread | None
    after: Spread | None
    loss: Spread

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    def words(self) -> tuple[str, ...]:
        """Size, both accuracies in percent, and the loss."""
        shares = ("" if each is None else each.words(2, 100) for each in (self.before, self.after))
        return (f"{self.size_bytes:,}", *shares, self.loss.words(4))


def summarised(results: Mapping[Place, Mapping[str, Any]]) -> list[Row]:
    """A row a plan and method, in the order in which they come.

    Args:
        results: recorded results of trainings.
    """
    grouped: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for (plan, method, _), result in results.items():
        grouped.setdefault((plan, method), []).append(result)
    return [
        Row(
            plan=plan,
            method=method,
            runs=len(found),
            size_bytes=found[0]["after"]["size_bytes"],
            before=_shares(found, "before"),
            after=_shares(found, "after"),
            loss=Spread.of([each["after"]["loss"] for each in found]),
        )
        for (plan, method), found in grouped.items()
    ]


def _shares(found: Sequence[Mapping[str, Any]], when: str) -> Spread | None:
    values = [each[when]["accuracy"] for each in found]
    return None if None in values else Spread.of(values)
