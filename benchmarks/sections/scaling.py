"""How the cost to 5 % grows with the samples, the classes and the depth."""

from collections.abc import Callable
from dataclasses import replace

from benchmarks import ours
from benchmarks.built import untrained
from benchmarks.peers import Peers
from benchmarks.problem import Problem, drawn
from benchmarks.settings import Settings
from benchmarks.tables import Column, Findings, Row, Table
from benchmarks.timing import PeakMemory, in_turns
from explorer.studies.study import Study

Work = Callable[[int], list[float]]

OURS = (
    Column("seconds", "s", "seconds"),
    Column("draws", "draws", "count"),
    Column("forward", "forward passes (samples)", "count"),
    Column("backward", "backward passes (samples)", "count"),
    Column("error", "standard error, worst block", "percent"),
    Column("memory", "memory added, MiB", "mebibytes"),
)
NOTE = "Least of {repeats} runs to {error} in every block, from the start; passes and memory are those of one of them."


def scaling(problem: Problem, peers: Peers, settings: Settings) -> Findings:
    """Three tables."""
    return Findings(
        [_by_samples(problem, settings), _by_classes(problem, peers, settings), _by_depth(problem, settings)]
    )


def _note(settings: Settings) -> str:
    return NOTE.format(repeats=settings.scaling_repeats, error=f"{settings.rel_se:.0%}")


def _measured(problem: Problem, settings: Settings) -> Row:
    passes = ours.Passes(problem.study)
    counted = replace(problem, study=passes.study)
    with PeakMemory() as memory:
        found = ours.probes(counted, settings.rel_se, 400)
    timed = in_turns(
        {"ours": lambda _: ours.probes(problem, settings.rel_se, 400)},
        repeats=settings.scaling_repeats,
        warm_up=False,
    )
    return {
        "seconds": timed["ours"].best,
        "draws": found.blocks[0].samples,
        "forward": passes.forward,
        "backward": passes.backward,
        "error": max(b.stderr / abs(b.trace) for b in found.blocks),
        "memory": memory.added,
    }


def _by_samples(problem: Problem, settings: Settings) -> Table:
    rows = []
    for count in settings.scaling_rows:
        some = problem.on(drawn(problem.study, count if count is not None else settings.whole))
        rows.append({"samples": some.size, **_measured(some, settings)})
    columns = (Column("samples", "samples N", "count"), *OURS)
    title = f"{problem.study.name}: cost and the number of samples"
    return Table("f-samples", title, columns, tuple(rows), (_note(settings),))


def _by_classes(problem: Problem, peers: Peers, settings: Settings) -> Table:
    rows = []
    for classes in settings.classes:
        some = _all_of(untrained(problem.study, depth=20, classes=classes, images=settings.scaling_images))
        line = {"classes": classes, **_measured(some, settings)}
        few = some.on(drawn(some.study, max(2, min(settings.rows, settings.pairs // classes))))
        works = {"ours": _exact(few)}
        if peers.has("BackPACK"):
            works["theirs"] = _backpack(few, classes)
        timed = in_turns(works, repeats=settings.scaling_repeats, warm_up=False)
        line["exact"] = timed["ours"].best / few.size
        if "theirs" in timed:
            line["backpack"] = timed["theirs"].best / few.size
        rows.append(line)
    columns = (
        Column("classes", "classes C", "count"),
        *OURS,
        Column("exact", "ours, exact: ms a sample", "milliseconds"),
        Column("backpack", "BackPACK, DiagGGNExact: ms a sample", "milliseconds"),
    )
    images = f"{settings.scaling_images:,} images of {problem.study.name}"
    title = f"ResNet-20, untrained, random labels, {images}: cost and the number of classes"
    note = "The exact traces are timed on fewer samples where there are many classes."
    missing = [f"BackPACK: {peers.missing['BackPACK']}."] if not peers.has("BackPACK") else []
    return Table("f-classes", title, columns, tuple(rows), (_note(settings), note, *missing))


def _by_depth(problem: Problem, settings: Settings) -> Table:
    rows = []
    for depth in settings.depths:
        study = untrained(problem.study, depth=depth, classes=10, images=settings.scaling_images)
        some = _all_of(study)
        rows.append({"depth": f"ResNet-{depth}", "blocks": len(some.names), **_measured(some, settings)})
    columns = (Column("depth", "network"), Column("blocks", "blocks", "count"), *OURS)
    images = f"{settings.scaling_images:,} images of {problem.study.name}"
    title = f"10 classes, untrained, random labels, {images}: cost and depth"
    return Table("f-depth", title, columns, tuple(rows), (_note(settings),))


def _exact(few: Problem) -> Work:
    return lambda _: ours.values(ours.exact(few))


def _backpack(few: Problem, classes: int) -> Work:
    from benchmarks.peers.backpack import BackPack

    pack = BackPack(few)
    pack.chunk = max(1, min(32, 320 // classes))  # its memory grows with samples times classes
    return lambda _: pack.exact(few)


def _all_of(study: Study) -> Problem:
    return Problem.of(study, drawn(study, None))
