"""Eigenvalues of every block over the same samples: the top two by products, or all of them from the gradients.

Three works in turns, in one process: Lanczos on Hessian-vector products, PyHessian's power iteration, and the Gram
matrices of the gradients. Beside the seconds stand the CPU seconds, which a busy machine disturbs less.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import Peers
from benchmarks.problem import Problem, drawn
from benchmarks.settings import Settings
from benchmarks.tables import Claim, Column, Findings, Row, Table
from benchmarks.timing import in_turns

TOL = 1e-3
FIFTH = 0.2

_LANCZOS = "ours, Lanczos: top two with their errors"
_GRAM = "ours, Gram: all of them"
_PAIRS = "ours, Gram: top two with their errors"
_PEER = "PyHessian, power iteration: top two"


@dataclass(frozen=True)
class Found:
    """What one method found.

    Attributes:
        values: of every block, largest first, in depth order.
        products: Hessian-vector products taken.
        cpu: CPU seconds.
    """

    values: tuple[tuple[float, ...], ...]
    products: int
    cpu: float

    def apart(self, other: "Found") -> float:
        """Largest relative difference of the first two values of a block."""
        pairs = zip(self.values, other.values, strict=True)
        return max(abs(a / b - 1) for x, y in pairs for a, b in zip(x[:2], y[:2], strict=True))


def block_spectra(problem: Problem, peers: Peers, settings: Settings) -> Findings:
    """Seconds of each method, and whether all eigenvalues take a fifth of what two took."""
    some = problem.on(drawn(problem.study, settings.eigen_rows))
    works: dict[str, Callable[[int], Found]] = {
        _PAIRS: lambda _: _timed(lambda: _pairs(some, "auto")),
        _LANCZOS: lambda _: _timed(lambda: _pairs(some, "lanczos")),
        _GRAM: lambda _: _timed(lambda: _all(some)),
    }
    if peers.has("PyHessian"):
        works[_PEER] = lambda _: _timed(lambda: _theirs(some, settings.chunk))
    timed = in_turns(works, repeats=settings.scaling_repeats, warm_up=False)
    base = timed[_LANCZOS]
    cpu = {name: min(found.cpu for found in each.values) for name, each in timed.items()}
    rows: list[Row] = []
    for name, each in timed.items():
        found = each.values[0]
        rows.append(
            {
                "method": name,
                "values": sum(map(len, found.values)),
                "difference": found.apart(base.values[0]),
                "products": found.products,
                "seconds": each.best,
                "times": each.best / base.best,
                "cpu": cpu[name],
                "cpu_times": cpu[name] / cpu[_LANCZOS],
            }
        )
    if not peers.has("PyHessian"):
        rows.append({"method": f"PyHessian: {peers.missing['PyHessian']}"})
    return Findings(
        [_table(some, rows)], _claims(some, {name: each.values[0] for name, each in timed.items()}, rows)
    )


def _table(some: Problem, rows: Sequence[Row]) -> Table:
    return Table(
        "h",
        f"{some.study.name}: eigenvalues of {len(some.names)} blocks, one by one, over the same {some.size} samples",
        (
            Column("method", "method"),
            Column("values", "eigenvalues", "count"),
            Column("difference", "largest difference of a top two from Lanczos", "percent"),
            Column("products", "Hessian-vector products", "count"),
            Column("seconds", "s", "seconds"),
            Column("times", "of Lanczos", "times"),
            Column("cpu", "CPU s", "seconds"),
            Column("cpu_times", "of Lanczos", "times"),
        ),
        tuple(rows),
        (
            f"Each block's own Hessian. Lanczos stops when the residual of both is {TOL:g} of the value, and its "
            f"products for the errors count; PyHessian's power iteration when a value has changed by less than "
            f"{TOL:g} of itself (its gradients kept between products), the second eigenvalue after the first. The Gram "
            f"matrices give every eigenvalue of every block; those that are zero because a block has more weights than "
            f"there are gradients are not counted. Timed in turns, in one process.",
        ),
    )


def _claims(some: Problem, found: Mapping[str, Found], rows: Sequence[Row]) -> list[Claim]:
    by_name = {row["method"]: row for row in rows}
    asked_of = some.study.name == "fashion-resnet20"
    gram = by_name[_GRAM]
    what = f"all eigenvalues of {len(some.names)} blocks over {some.size} samples"
    claims = [
        Claim(
            some.study.name,
            f"{what}, over the top two by Lanczos",
            "at most 1/5 of the time" if asked_of else "",
            f"1/{1 / gram['times']:.1f} of the time, 1/{1 / gram['cpu_times']:.1f} of the CPU time",
            gram["times"] <= FIFTH if asked_of else None,
        ),
        Claim(
            some.study.name,
            f"top two of {len(some.names)} blocks, difference of Gram from Lanczos",
            "at most 1e-4" if asked_of else "",
            f"{found[_GRAM].apart(found[_LANCZOS]):.0e}",
            found[_GRAM].apart(found[_LANCZOS]) <= 1e-4 if asked_of else None,
        ),
    ]
    peer = by_name.get(_PEER)
    times = math.nan if peer is None else peer["seconds"] / gram["seconds"]
    claims.append(
        Claim(
            some.study.name,
            f"top two of {len(some.names)} blocks by PyHessian, over {what}",
            "more than the same time" if asked_of else "",
            "PyHessian is not installed" if peer is None else f"{times:.1f} times",
            None if peer is None or not asked_of else times > 1,
        )
    )
    return claims


def _timed(work: Callable[[], tuple[tuple[tuple[float, ...], ...], int]]) -> Found:
    began = time.process_time()
    values, products = work()
    return Found(values, products, time.process_time() - began)


def _pairs(some: Problem, method: str) -> tuple[Any, int]:
    from explorer.curvature import every_eigenpairs

    options: dict[str, Any] = {"k": 2, "method": method, "samples": None, "tol": TOL, "whole": False}
    found = list(every_eigenpairs(some.study, rows=some.rows, **options))
    return tuple(pairs.values for pairs in found), sum(pairs.products for pairs in found)


def _all(some: Problem) -> tuple[Any, int]:
    from explorer.curvature import block_spectra as spectra

    return tuple(tuple(each.values.tolist()) for each in spectra(some.study, rows=some.rows, samples=None)), 0


def _theirs(some: Problem, chunk: int) -> tuple[Any, int]:
    from benchmarks.peers.pyhessian import PyHessian

    return PyHessian(some).top_eigenvalues_alone(some.batches(chunk), TOL, 2)
