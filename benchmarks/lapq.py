"""What LAPQ costs: the joint phase by Powell as the reference code does it and by our methods, and a surface.

    python -m benchmarks.lapq [--study cifar10-resnet20] [--only joint] [--markdown FILE] [--json FILE] [--quick]

**joint** All start from the same steps, those of phase 2, and minimise the same loss over the same calibration images.
The reference's search is SciPy's Powell with its code's options; its forward pass is rebuilt here: the whole network
for every evaluation, every weight quantized anew in it, and, as its code has it, nothing remembered. Its losses are
found by our objective, which gives the same to the bit; a sample of its evaluations is made as the code makes them,
compared and timed, and the rest is scaled.

**surface** The loss over two late steps at 2 bits, inputs of layers with all else in FP32, against as many passes
through the whole network.

CPU time of one thread.
"""

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

if __package__ in (None, ""):  # run as a file: the folder above is where `benchmarks` and `explorer` lie
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.report import report
from benchmarks.tables import Column, Table
from explorer import studies
from explorer.lapq import METHODS, Objective, PathPoint, best_p
from explorer.lapq.diagnostics.surfaces import measure_surface
from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.journal import Entry
from explorer.lapq.loss.network import SteppedNetwork
from explorer.lapq.phases import powell
from explorer.quantizers.grid import FLOAT_BITS
from explorer.studies import Study

Search = Callable[[Trail, int], None]

_COLUMNS = (
    Column("method", "method"),
    Column("loss", "calibration loss", "exact"),
    Column("evaluations", "evaluations", "count"),
    Column("equivalents", "forward passes", "number"),
    Column("seconds", "seconds", "seconds"),
    Column("to_powell_equivalents", "forward passes to the reference's loss", "number"),
    Column("to_powell_seconds", "seconds to it", "seconds"),
    Column("fewer_than_reference", "the reference's passes / these", "times"),
    Column("faster_than_reference", "the reference's seconds / these", "times"),
)
_NOTES = (
    "A forward pass is one over all calibration images; a backward pass counts as two. The joint phase alone: phases "
    "1 and 2 are the same for all.",
)


_SURFACE_COLUMNS = (
    Column("sites", "tensors", "text"),
    Column("points", "points", "count"),
    Column("evaluations", "evaluations", "count"),
    Column("equivalents", "forward passes", "number"),
    Column("fewer", "points / these", "times"),
    Column("seconds", "seconds", "seconds"),
)
_SURFACE_NOTES = (
    "The evaluations beyond the points are those of the L_p steps, of the fit through them and of the search for the "
    "optimum, which are drawn on the surface.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", default="cifar10-resnet20")
    parser.add_argument("--w-bits", type=int, default=4)
    parser.add_argument("--a-bits", type=int, default=4)
    parser.add_argument("--calibration", type=int, default=512)
    parser.add_argument("--only", choices=("joint", "surface"), help="one of the two questions")
    parser.add_argument("--points", type=int, default=50, help="of the surface, along either step")
    parser.add_argument("--timed", type=int, default=30, help="evaluations of the reference that are timed")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    parser.add_argument("--json", type=Path, help="write the numbers there")
    parser.add_argument("--quick", action="store_true", help="few images, to see that everything works")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    calibration, timed = (16, 3) if options.quick else (options.calibration, options.timed)
    points = 8 if options.quick else options.points
    study = studies.load_network(options.study)
    bits: dict[str, Any] = {"w_bits": options.w_bits, "a_bits": options.a_bits, "calibration": calibration}
    tables = []
    if options.only != "surface":
        title = (
            f"Joint optimisation of {study.name}, W{options.w_bits}A{options.a_bits}, {calibration} images"
        )
        tables.append(Table("joint", title, _COLUMNS, tuple(_measured(study, bits, timed)), _NOTES))
    if options.only != "joint":
        title = f"Surface of {study.name}, {points} x {points}, {calibration} images"
        rows = (_surface(study, calibration, points),)
        tables.append(Table("surface", title, _SURFACE_COLUMNS, rows, _SURFACE_NOTES))
    report(
        tables,
        script="lapq",
        title="What LAPQ costs",
        markdown=options.markdown,
        numbers=options.json,
    )
    return 0


def _measured(study: Study, bits: dict[str, Any], timed: int) -> list[dict[str, Any]]:
    replayed = _descended(study, bits, _as_the_code)
    asked = replayed.pop("entries")
    replayed.pop("path")
    each = _reference_seconds(study, bits, asked, timed)
    reference = {
        "method": "powell, as the reference code runs it",
        "loss": replayed["loss"],
        "evaluations": len(asked),
        "equivalents": float(len(asked)),
        "seconds": each * len(asked),
        "to_powell_equivalents": float(len(asked)),
        "to_powell_seconds": each * len(asked),
    }
    # The loss is where that search ends: it passes its best once, and does not know it.
    reached = {"to_powell_equivalents": replayed["equivalents"], "to_powell_seconds": replayed["seconds"]}
    rows = [reference, {"method": "the same, with what comes before replayed", **replayed, **reached}]
    for method, search in METHODS.items():
        row = _descended(study, bits, search)
        row.pop("entries")
        path = row.pop("path")
        rows.append({"method": f"{method}, ours", **row})
        first = next(((p, at) for p, at in path if p.loss <= reference["loss"]), None)
        if first is not None:
            rows[-1] |= {"to_powell_equivalents": first[0].forward_equivalents, "to_powell_seconds": first[1]}
    for row in rows[1:]:
        if "to_powell_seconds" in row:
            row["fewer_than_reference"] = len(asked) / row["to_powell_equivalents"]
            row["faster_than_reference"] = reference["seconds"] / row["to_powell_seconds"]
    return rows


def _surface(study: Study, calibration: int, points: int) -> dict[str, Any]:
    print("surface ...", file=sys.stderr)
    bits: dict[str, Any] = {"w_bits": FLOAT_BITS, "a_bits": 2, "calibration": calibration}
    names = Objective(study, **bits).names
    first, second = names[-min(3, len(names))], names[-1]
    begun = time.process_time()
    found = measure_surface(study, first=first, second=second, points=points, **bits)
    seconds = time.process_time() - begun
    return {
        "sites": f"{first}, {second}",
        "points": found.loss.size,
        "evaluations": found.evaluations,
        "equivalents": found.forward_equivalents,
        "fewer": found.loss.size / found.forward_equivalents,
        "seconds": seconds,
    }


def _as_the_code(trail: Trail, seed: int) -> None:
    """Powell's method with every evaluation on all images."""
    powell.minimise(trail, trail.loss)


def _descended(study: Study, bits: dict[str, Any], search: Search) -> dict[str, Any]:
    """A joint phase, after the phase before it, as in a whole calibration."""
    print(f"{search.__module__}.{search.__name__} ...", file=sys.stderr)
    objective = Objective(study, **bits)
    _, start = best_p(objective)
    objective.phase = "joint"
    path: list[tuple[PathPoint, float]] = []
    begun = time.process_time()
    trail = Trail(objective, start, on_better=lambda p: path.append((p, time.process_time() - begun)))
    search(trail, 0)
    seconds = time.process_time() - begun
    evaluations, equivalents = trail.spent
    return {
        "loss": trail.best.loss,
        "evaluations": evaluations,
        "equivalents": equivalents,
        "seconds": seconds,
        "path": path,
        "entries": [entry for entry in objective.journal.entries if entry.phase == "joint"],
    }


def _reference_seconds(study: Study, bits: dict[str, Any], asked: Sequence[Entry], timed: int) -> float:
    """CPU seconds of one evaluation as the reference code makes it; its losses must be ours."""
    objective = Objective(study, **bits)
    network = SteppedNetwork(study.model(), objective.sites)
    chosen = np.linspace(0, len(asked) - 1, timed).round().astype(int)
    seconds = 0.0
    for i in chosen:
        steps, losses = asked[i].steps, []
        begun = time.process_time()
        with torch.no_grad():
            for inputs, targets in objective.batches:
                for k, (part, step) in enumerate(zip(network.parts, steps, strict=True)):
                    if isinstance(part, torch.Tensor):
                        part.copy_(
                            objective.sites[k].levels.quantize(network.original(k), torch.tensor(step))
                        )
                    else:
                        part.get_buffer("step").fill_(float(step))
                losses.append(study.loss.per_sample(network.model(inputs), targets).double())
        seconds += time.process_time() - begun
        loss = float(torch.cat(losses).mean())
        if loss != asked[i].loss:
            raise AssertionError(f"evaluation {i}: {loss} in full and {asked[i].loss} by ours")
    return seconds / len(chosen)


if __name__ == "__main__":
    sys.exit(main())
