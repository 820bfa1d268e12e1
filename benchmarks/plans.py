"""How long the exact frontier takes, beside an integer programme for every budget and all of set B.

    python -m benchmarks.plans [--markdown FILE] [--json FILE] [--budgets 20] [--repeats 3] [--quick]

Times are CPU seconds, which is what one core of its own would take: NumPy's sums here use no threads, and HiGHS
searches with one. The least of several repeats counts. The published ResNet-50
profile is asked with widths that it was not published at too; their squared errors are interpolated as 4^-b. The
deeper networks are drawn at random, with costs that have no large common divisor, which is the hard case.
"""

import argparse
import functools
import gc
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

if __package__ in (None, ""):  # run as a file: the folder above is where `benchmarks` and `explorer` lie
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.report import report
from benchmarks.tables import Column, Table
from explorer import studies
from explorer.plans import (
    Budget,
    Limit,
    Problem,
    build_problem,
    count,
    damage_table,
    enumerate_set_b,
    greedy,
    measured_table,
    restriction,
    solve,
    study_problem,
)
from explorer.plans.costs.tables import CostTable
from explorer.plans.solvers.exact_one import bound_of
from explorer.plans.solvers.programme import Programme
from explorer.plans.solvers.set_b import LIMIT

T = TypeVar("T")
_HEAD = (
    "`python -m benchmarks.plans` made this page in one run; `benchmarks/README.md` says how to repeat it."
)
SEVEN = (2, 3, 4, 5, 6, 7, 8)
EIGHT = (1, 2, 3, 4, 5, 6, 7, 8)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    parser.add_argument("--json", type=Path, help="write the numbers there")
    parser.add_argument("--budgets", type=int, default=20, help="random budgets for the integer programme")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--quick", action="store_true", help="small problems, to see that everything works")
    options = parser.parse_args(arguments)
    cases = _small() if options.quick else _cases()
    rows = []
    for name, problem in cases:
        print(f"{name} ...", file=sys.stderr)
        rows.append(_measured(name, problem, 3 if options.quick else options.budgets, options.repeats))
    table = Table("plans", "The exact frontier, in CPU seconds", _COLUMNS, tuple(rows), _NOTES)
    report(
        [table],
        script="plans",
        title="How long plans take",
        markdown=options.markdown,
        numbers=options.json,
    )
    return 0


_COLUMNS = (
    Column("name", "problem"),
    Column("space", "plans"),
    Column("seconds", "frontier", "seconds"),
    Column("points", "its points", "count"),
    Column("states", "partial plans seen", "count"),
    Column("resolution", "resolution, share of the range", "percent"),
    Column("milp", "one budget by milp (median)", "seconds"),
    Column("milp_ratio", "milp a budget / whole frontier", "times"),
    Column("agrees", "budgets that agree"),
    Column("set_b", "set B", "count"),
    Column("set_b_seconds", "enumerating it", "seconds"),
    Column("set_b_ratio", "set B / frontier", "times"),
    Column("set_b_costs", "Ω of set B / exact, worst", "number"),
    Column("greedy_costs", "Ω of greedy / exact, worst", "number"),
)
_NOTES = (
    "The frontier answers every budget; milp one. A resolution of 0 is an exact frontier; otherwise the points are "
    "exact plans, and every other plan has one as good that costs at most that much more.",
    "Budgets agree when milp's plan has the Ω of the frontier's point, to 1e-9 of it, or, where there is a "
    "resolution, when the point one resolution dearer has no more.",
    "Widths that a profile was not published at have their squared errors interpolated as 4^-b.",
    "Set B is left out where it has more than 2,000,000 plans.",
)


def _measured(name: str, problem: Problem, budgets: int, repeats: int) -> dict[str, Any]:
    frontier, seconds = _timed(lambda: solve(problem), repeats)
    row: dict[str, Any] = {
        "name": name,
        "space": f"{problem.search_space:.3g}",
        "seconds": seconds,
        "points": len(frontier),
        "states": frontier.states,
        "resolution": frontier.resolution / (float(np.ptp(frontier.cost)) or 1.0),
    }
    shares = np.random.default_rng(0).uniform(0, 1, budgets)
    asked = [Budget("between", float(share)) for share in shares]
    times, agreeing = [], 0
    for budget in asked:
        bounds = (*problem.bounds, bound_of(problem, (problem.cost, budget)))
        programme = Programme(problem)
        best, seconds = _timed(functools.partial(programme.least, programme.omegas, bounds), 1)
        times.append(seconds)
        if best is None:
            agreeing += bounds[-1].limit < frontier.counts[0]
            continue
        omega = sum(float(row[pick]) for row, pick in zip(programme.omegas, best.picks, strict=True))
        most = problem.cost.in_unit(bounds[-1].limit) + frontier.resolution
        found = frontier.best_under(Budget("at_most", float(most))).omega
        agreeing += found <= omega + 1e-9 * abs(omega)
    row |= {"milp": float(np.median(times)), "agrees": f"{agreeing} of {budgets}"}
    row["milp_ratio"] = row["milp"] / row["seconds"]
    row["greedy_costs"] = restriction(frontier, greedy(problem)).worst[1]
    if problem.bounds or count(len(problem.free), len(problem.menu)) > LIMIT:
        return row
    set_b, seconds = _timed(lambda: enumerate_set_b(problem), repeats)
    return row | {
        "set_b": len(set_b),
        "set_b_seconds": seconds,
        "set_b_ratio": seconds / row["seconds"],
        "set_b_costs": restriction(frontier, set_b).worst[1],
    }


def _timed(work: Callable[[], T], repeats: int) -> tuple[T, float]:
    """What a piece of work gives, and the least CPU seconds it took."""
    least = float("inf")
    for _ in range(repeats):
        gc.collect()
        started = time.process_time()
        value = work()
        least = min(least, time.process_time() - started)
    return value, least


def _cases() -> list[tuple[str, Problem]]:
    resnet18, resnet50 = studies.load("hawq-v3-resnet18"), studies.load("hawq-v3-resnet50")
    limits = [Limit("bops", Budget("between", 0.3))]
    return [
        ("ResNet-18 profile, 4 and 8 bits, size", study_problem(resnet18)),
        ("ResNet-18 profile, 4 and 8 bits, latency", study_problem(resnet18, cost="latency")),
        ("ResNet-50 profile, 2, 4, 6, 8 bits, size", study_problem(resnet50, bits=(2, 4, 6, 8))),
        ("ResNet-50 profile, 2 to 8 bits, size", study_problem(resnet50, bits=SEVEN)),
        ("ResNet-50 profile, 2 to 8 bits, BOPs", study_problem(resnet50, bits=SEVEN, cost="bops")),
        (
            "ResNet-50 profile, 2 to 8 bits, size, BOPs limited",
            study_problem(resnet50, bits=SEVEN, constraints=limits),
        ),
        ("52 random blocks, 7 widths, size", random_problem(52, SEVEN)),
        ("52 random blocks, 7 widths, latency", random_problem(52, SEVEN, latency=True)),
        ("152 random blocks, 8 widths, size", random_problem(152, EIGHT)),
        ("152 random blocks, 8 widths, latency", random_problem(152, EIGHT, latency=True)),
    ]


def _small() -> list[tuple[str, Problem]]:
    return [("6 random blocks, 3 widths, size", random_problem(6, (2, 4, 8)))]


def random_problem(length: int, menu: Sequence[int], *, latency: bool = False, seed: int = 0) -> Problem:
    """Blocks of random sizes and sensitivities whose damage falls about as 4^-b."""
    rng = np.random.default_rng(seed)
    names = [f"block {place}" for place in range(length)]
    weights = dict(zip(names, (144 * rng.integers(1, 4000, length)).tolist(), strict=True))
    errors = {n: {w: weights[n] * 4.0**-w * rng.uniform(0.8, 1.2) for w in menu} for n in names}
    times = {n: dict(zip(menu, np.sort(rng.uniform(0.01, 1, len(menu))), strict=True)) for n in names}
    size = CostTable("size", "bytes", {n: {w: weights[n] * w for w in (*menu, 32)} for n in names}, 8)
    cost = measured_table("latency", "ms", times) if latency else size
    damage = damage_table({n: 10 ** rng.uniform(-3, 0) for n in names}, errors)
    return build_problem(names, menu=menu, cost=cost, damage=damage, weights=weights)


if __name__ == "__main__":
    sys.exit(main())
