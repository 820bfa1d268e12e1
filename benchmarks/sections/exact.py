"""The exact traces, ours against BackPACK's exact Gauss-Newton diagonal, over the same samples."""

from benchmarks import ours
from benchmarks.arithmetic import relative_errors
from benchmarks.peers import Peers
from benchmarks.problem import Problem, drawn
from benchmarks.settings import Settings
from benchmarks.tables import Claim, Column, Findings, Row, Table
from benchmarks.timing import in_turns


def exact(problem: Problem, peers: Peers, settings: Settings) -> Findings:
    """The table, and whether ours is at least twice as fast."""
    some = problem.on(drawn(problem.study, settings.rows))
    works = {"ours": lambda _: ours.values(ours.exact(some))}
    chunk = None
    if peers.has("BackPACK"):
        from benchmarks.peers.backpack import BackPack

        pack = BackPack(some)
        chunk = pack.tune(some, settings.backpack_chunks)
        works["theirs"] = lambda _: pack.exact(some)
    timed = in_turns(works, repeats=settings.repeats, warm_up=False)
    mine = timed["ours"]
    rows: list[Row] = [
        {"method": "ours, exact", "seconds": mine.best, "per": mine.best / some.size, "times": 1.0}
    ]
    measured, met = peers.missing.get("BackPACK", ""), None
    if "theirs" in timed:
        theirs = timed["theirs"]
        times = theirs.best / mine.best
        difference = max(relative_errors(theirs.values[0], mine.values[0]))
        rows.append(
            {
                "method": f"BackPACK, DiagGGNExact, {chunk} at once",
                "seconds": theirs.best,
                "per": theirs.best / some.size,
                "times": times,
                "difference": difference,
            }
        )
        measured, met = f"{times:.1f} times; traces differ by {difference:.1g} at most", times >= 2
    else:
        rows.append({"method": f"BackPACK: {measured}"})
    columns = (
        Column("method", "method"),
        Column("seconds", "s", "seconds"),
        Column("per", "ms a sample", "milliseconds"),
        Column("times", "times ours", "times"),
        Column("difference", "largest relative difference of a trace", "number"),
    )
    title = f"{problem.study.name}: exact traces over {some.size} samples"
    note = f"Least of {settings.repeats}, in turns. BackPACK with the number of samples at once that was fastest."
    what = f"exact traces over {some.size} samples, Gauss-Newton diagonal peer over ours"
    return Findings(
        [Table("c", title, columns, tuple(rows), (note,))],
        [Claim.of_cifar(problem.study.name, what, "at least 2 times", measured, met)],
    )
