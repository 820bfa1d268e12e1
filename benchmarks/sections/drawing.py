"""Timed draws of the traces by a peer's products."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.arithmetic import Price, Ratio, means, relative_errors, relative_variances
from benchmarks.peers.common import ProductPeer
from benchmarks.tables import Claim, Column, Row

Draw = Callable[[int], list[float]]


@dataclass
class Drawn:
    """Draws of one method, the seconds of each, and how they are shown.

    Attributes:
        family: methods of one family draw from the same distribution, so their draws together tell its
            variance.
        wanted: how many draws to make.
    """

    name: str
    family: str
    wanted: int
    draws: list[list[float]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def draw_in_turns(methods: Sequence[tuple[Drawn, Draw]]) -> None:
    """The draws that every method wants, in turns, after one that is not counted."""
    for _, draw in methods:
        draw(0)
    for number in range(1, max((drawn.wanted for drawn, _ in methods), default=0) + 1):
        for drawn, draw in methods:
            if number > drawn.wanted:
                continue
            started = time.perf_counter()
            values = draw(number)
            drawn.seconds.append(time.perf_counter() - started)
            drawn.draws.append(values)


def draws_of(
    peer: ProductPeer, before: Sequence[tuple[Drawn, Draw]], count: int, timing: int, what: str
) -> Drawn:
    """No draws yet: ``count`` wanted of the first peer of a family, which tell its variance, ``timing`` of others."""
    family = "hessian" if peer.hessian else "gauss-newton"
    known = any(drawn.family == family for drawn, _ in before)
    return Drawn(f"{peer.name}, {what}", family, timing if known else count)


def pooled(all_drawn: Sequence[Drawn], family: str) -> list[list[float]]:
    """The draws of a family together."""
    return [row for drawn in all_drawn if drawn.family == family for row in drawn.draws]


def priced(drawn: Drawn, everything: Sequence[Drawn], reference: Sequence[float]) -> Price:
    """Least seconds of a draw, and the variance of its family."""
    return Price.joint(min(drawn.seconds), relative_variances(pooled(everything, drawn.family), reference))


COLUMNS = (
    Column("method", "method"),
    Column("draws", "draws", "count"),
    Column("seconds", "s a draw", "seconds"),
    Column("worst_error", "error, worst block", "percent"),
    Column("median_error", "error, median block", "percent"),
    Column("worst_variance", "rel. variance of a draw, worst", "number"),
    Column("median_variance", "median", "number"),
    Column("price", "s × rel. variance, all blocks", "number"),
    Column("all_blocks", "times ours, all blocks", "times"),
    Column("median", "median block", "times"),
    Column("smallest", "smallest", "times"),
)


def row(
    name: str,
    draws: Sequence[Sequence[float]],
    seconds: float,
    price: Price,
    reference: Sequence[float],
    against: Ratio | None,
) -> Row:
    """A line of the table: what the draws gave, what they cost, and how many times ours that is."""
    errors = sorted(relative_errors(means(draws), reference))
    variances = sorted(price.variances)
    found: Row = {
        "method": name,
        "draws": len(draws),
        "seconds": seconds,
        "worst_error": errors[-1],
        "median_error": errors[len(errors) // 2],
        "worst_variance": variances[-1],
        "median_variance": variances[len(variances) // 2],
        "price": price.of_all,
    }
    if against is not None:
        found |= {
            "all_blocks": against.all_blocks,
            "median": against.median,
            "smallest": against.smallest,
        }
    return found


def product_claims(study: str, where: str, times: int, ratios: Sequence[tuple[Drawn, Ratio]]) -> list[Claim]:
    """What the cheapest peer that multiplies with a matrix costs, the Hessian and Gauss-Newton told apart."""
    found = []
    for family, words in (("hessian", "Hessian-vector"), ("gauss-newton", "Gauss-Newton-vector")):
        of_family = [(drawn.name, against) for drawn, against in ratios if drawn.family == family]
        what = f"seconds × relative variance {where}, best {words} peer over ours"
        measured, met = "no such peer is installed", None
        if of_family:
            name, best = min(of_family, key=lambda each: each[1].all_blocks)
            measured = (
                f"{best.all_blocks:,.0f} times for all blocks; median block {best.median:,.0f} ({name})"
            )
            met = best.all_blocks >= times
        if family == "hessian":
            found.append(Claim.of_cifar(study, what, f"at least {times} times", measured, met))
        else:
            found.append(Claim(study, what, "", measured, None))
    return found
