r"""What is made of the measured numbers.

A method gives independent draws of every block's trace. With v_i the variance of one draw of block i over the
squared trace, and t the seconds one draw takes, k draws take k t seconds and leave a squared relative error
v_i / k. The product t v_i does not depend on k: it is the price of precision, in seconds for a relative
variance of 1, and what methods of unequal draws are compared by. An error of e in every block costs
t max_i v_i / e^2 seconds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median, variance

Rows = Sequence[Sequence[float]]


def relative_errors(values: Sequence[float], reference: Sequence[float]) -> list[float]:
    """|value - reference| / |reference| of every block."""
    return [abs(v - r) / abs(r) for v, r in zip(values, reference, strict=True)]


def largest_difference(values: Sequence[float], reference: Sequence[float]) -> float:
    """The largest |value - reference| over the largest |reference|: the measure for quadratic forms, which may
    nearly vanish in a block."""
    scale = max(abs(r) for r in reference)
    return max(abs(v - r) for v, r in zip(values, reference, strict=True)) / scale


def means(draws: Rows) -> list[float]:
    """Mean over draws of every block; draws are (draws, blocks)."""
    return [fmean(column) for column in zip(*draws, strict=True)]


def relative_variances(draws: Rows, reference: Sequence[float]) -> list[float]:
    """Sample variance over draws of every block, over its squared reference."""
    columns = zip(*draws, strict=True)
    return [variance(column) / r**2 for column, r in zip(columns, reference, strict=True)]


def claimed_variances(stderrs: Rows, reference: Sequence[float]) -> list[float]:
    """The same for runs that report standard errors: mean over runs of the squared relative error."""
    columns = zip(*stderrs, strict=True)
    return [fmean(e * e for e in column) / r**2 for column, r in zip(columns, reference, strict=True)]


@dataclass(frozen=True)
class Price:
    """Seconds times relative variance of every block.

    Attributes:
        seconds: of one draw, which serves every block; or of one draw of each block alone.
        variances: relative variance of one draw.
        alone: whether every block is drawn by itself, with a number of draws of its own.
    """

    seconds: tuple[float, ...]
    variances: tuple[float, ...]
    alone: bool = False

    @classmethod
    def joint(cls, seconds: float, variances: Sequence[float]) -> "Price":
        """One draw serves every block."""
        return cls((seconds,) * len(variances), tuple(variances))

    @property
    def of_blocks(self) -> list[float]:
        """t_i v_i."""
        return [t * v for t, v in zip(self.seconds, self.variances, strict=True)]

    @property
    def of_all(self) -> float:
        """Seconds for a relative variance of at most 1 in every block: the worst block where one draw serves
        all, the sum where every block is drawn as often as it needs."""
        return sum(self.of_blocks) if self.alone else max(self.of_blocks)

    def seconds_to(self, error: float) -> float:
        """Seconds until the relative standard error of every block is ``error``."""
        return self.of_all / error**2


@dataclass(frozen=True)
class Ratio:
    """How many times dearer one price is than another: over all blocks at once, and block by block."""

    all_blocks: float
    median: float
    smallest: float


def ratio(theirs: Price, ours: Price) -> Ratio:
    """Their price over ours.

    Block by block, ours is what one run costs that serves every block, so drawing the blocks alone must be
    compared by the sum; then the three are the same number.
    """
    whole = theirs.of_all / ours.of_all
    if theirs.alone:
        return Ratio(whole, whole, whole)
    each = [t / o for t, o in zip(theirs.of_blocks, ours.of_blocks, strict=True)]
    return Ratio(whole, median(each), min(each))


def samples_needed(variance_of_one: float, error: float, population: int) -> float:
    """Samples drawn uniformly without repetition whose mean has the relative standard error ``error``.

    From v (1/m - 1/N) = e^2, v the relative variance of one sample's value.
    """
    return 1 / (error**2 / variance_of_one + 1 / population)


def spread(values: Sequence[float]) -> float:
    """Standard error of a mean of draws; infinite for fewer than two."""
    return math.sqrt(variance(values) / len(values)) if len(values) > 1 else math.inf
