"""The largest eigenvalue of the whole network's Hessian over the same samples."""

import math
from collections.abc import Callable

from benchmarks.peers import Peers
from benchmarks.problem import Problem, drawn
from benchmarks.settings import Settings
from benchmarks.tables import Claim, Column, Findings, Row, Table
from benchmarks.timing import in_turns

TOL = 1e-3

Found = tuple[float, int]


def eigenvalues(problem: Problem, peers: Peers, settings: Settings) -> Findings:
    """Value, products and seconds of each method, and whether ours is PyHessian's to 1 %."""
    some = problem.on(drawn(problem.study, settings.eigen_rows))
    works: dict[str, Callable[[int], Found]] = {
        "ours, Lanczos": lambda _: _ours(some, "lanczos"),
        "ours, power iteration": lambda _: _ours(some, "power"),
    }
    batches, steps = some.batches(settings.chunk), settings.lanczos_steps
    if peers.has("PyHessian"):
        from benchmarks.peers.pyhessian import PyHessian

        works["PyHessian, power iteration"] = lambda _: PyHessian(some).top_eigenvalue(batches, TOL)
    if peers.has("hessian-eigenthings"):
        from benchmarks.peers.eigenthings import Eigenthings

        works[f"hessian-eigenthings, {steps} Lanczos steps"] = lambda _: Eigenthings(some).top_eigenvalue(
            batches, steps
        )
    timed = in_turns(works, repeats=1, warm_up=False)
    value, _ = timed["ours, Lanczos"].values[0]
    least = timed["ours, Lanczos"].best
    rows: list[Row] = []
    for name, each in timed.items():
        theirs, products = each.values[0]
        rows.append(
            {
                "method": name,
                "value": theirs,
                "difference": abs(theirs / value - 1),
                "products": products,
                "seconds": each.best,
                "times": each.best / least,
            }
        )
    missing = [name for name in ("PyHessian", "hessian-eigenthings") if not peers.has(name)]
    rows += [{"method": f"{name}: {peers.missing[name]}"} for name in missing]
    columns = (
        Column("method", "method"),
        Column("value", "largest eigenvalue", "exact"),
        Column("difference", "difference from ours, Lanczos", "percent"),
        Column("products", "products", "count"),
        Column("seconds", "s", "seconds"),
        Column("times", "times ours", "times"),
    )
    peer = next((row for row in rows if str(row["method"]).startswith("PyHessian, ")), None)
    apart = math.nan if peer is None else float(str(peer["difference"]))
    return Findings(
        [
            Table(
                "e",
                f"{problem.study.name}: largest eigenvalue over the same {some.size} samples",
                columns,
                tuple(rows),
                (
                    f"Over all blocks' weights. Ours stops when the residual is {TOL:g} of the value and then takes "
                    f"the products for its errors (all counted), PyHessian when the value has changed by less than "
                    f"{TOL:g} of itself (its gradients kept between products), hessian-eigenthings after the steps "
                    f"it is told.",
                ),
            )
        ],
        [
            Claim(
                problem.study.name,
                f"largest eigenvalue over {some.size} samples, difference from PyHessian's",
                "at most 1 %",
                "PyHessian is not installed" if peer is None else f"{100 * apart:.2f} %",
                None if peer is None else apart <= 0.01,
            )
        ],
    )


def _ours(some: Problem, method: str) -> Found:
    from explorer.curvature.spectra.eigenpairs import top_eigenpairs

    found = top_eigenpairs(some.study, k=1, method=method, samples=None, rows=some.rows, tol=TOL)
    return found.values[0], found.products
