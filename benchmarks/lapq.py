"""What LAPQ's joint phase costs: Powell as the reference code does it, ours, and the gradient method.

    python -m benchmarks.lapq [--study cifar10-resnet20] [--markdown FILE] [--json FILE] [--quick]

All start from the same steps, those of phase 2, and minimise the same loss over the same calibration images. The
reference's forward pass is rebuilt here: the whole network for every evaluation, every weight quantized anew in it,
and, as its code has it, nothing remembered. It asks for the same steps as our Powell, to the bit; so a sample of its
evaluations is timed, its losses are compared, and the rest is scaled. CPU time of one thread.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

if __package__ in (None, ""):  # run as a file: the folder above is where `benchmarks` and `explorer` lie
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.tables import Column, Table, as_markdown, as_text
from benchmarks.timing import machine
from explorer import studies
from explorer.lapq import METHODS, Objective, PathPoint, best_p
from explorer.lapq.journal import Entry
from explorer.lapq.network import Array, SteppedNetwork
from explorer.lapq.trail import Trail
from explorer.studies import Study

_COLUMNS = (
    Column("method", "method"),
    Column("loss", "calibration loss", "exact"),
    Column("evaluations", "evaluations", "count"),
    Column("equivalents", "forward passes", "number"),
    Column("seconds", "seconds", "seconds"),
    Column("to_powell_equivalents", "forward passes to Powell's loss", "number"),
    Column("to_powell_seconds", "seconds to it", "seconds"),
    Column("fewer_than_ours", "our Powell's passes / these", "times"),
    Column("fewer_than_reference", "the reference's passes / these", "times"),
    Column("faster_than_reference", "the reference's seconds / these", "times"),
)
_NOTES = (
    "A forward pass is one over all calibration images; a backward pass counts as two. The joint phase alone: phases "
    "1 and 2 are the same for all.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", default="cifar10-resnet20")
    parser.add_argument("--w-bits", type=int, default=4)
    parser.add_argument("--a-bits", type=int, default=4)
    parser.add_argument("--calibration", type=int, default=512)
    parser.add_argument("--timed", type=int, default=30, help="evaluations of the reference that are timed")
    parser.add_argument("--markdown", type=Path, help="write the table there")
    parser.add_argument("--json", type=Path, help="write the numbers there")
    parser.add_argument("--quick", action="store_true", help="few images, to see that everything works")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    calibration, timed = (16, 3) if options.quick else (options.calibration, options.timed)
    study = studies.load_network(options.study)
    bits: dict[str, Any] = {"w_bits": options.w_bits, "a_bits": options.a_bits, "calibration": calibration}
    rows = _measured(study, bits, timed)
    title = f"Joint optimisation of {study.name}, W{options.w_bits}A{options.a_bits}, {calibration} images"
    table = Table("lapq", title, _COLUMNS, tuple(rows), _NOTES)
    print(as_text(table))
    lines = machine()
    if options.markdown:
        head = ["# What LAPQ costs", "", *(f"- {line}" for line in lines), ""]
        options.markdown.write_text("\n".join([*head, as_markdown(table)]), encoding="utf-8")
    if options.json:
        content = {"machine": lines, "tables": [table.to_json()]}
        options.json.write_text(json.dumps(content, indent=2), encoding="utf-8")
    return 0


def _measured(study: Study, bits: dict[str, Any], timed: int) -> list[dict[str, Any]]:
    _, start = best_p(Objective(study, **bits))
    found = {method: _descended(study, bits, start, method) for method in METHODS}
    powell = found["powell"]
    asked = [entry for entry in powell["entries"] if entry.slope is None]
    each = _reference_seconds(study, bits, asked, timed)
    reference = {
        "method": "powell, as the reference code runs it",
        "loss": powell["loss"],
        "evaluations": len(asked),
        "equivalents": float(len(asked)),
        "seconds": each * len(asked),
        "to_powell_equivalents": float(len(asked)),
        "to_powell_seconds": each * len(asked),
    }
    rows = [reference]
    for method, row in found.items():
        reached = [(p, at) for p, at in row.pop("path") if p.loss <= powell["loss"]]
        row.pop("entries")
        rows.append({"method": f"{method}, ours", **row})
        if reached:
            # Powell's search is over when it is over, not when it happens to pass its best.
            end = (row["equivalents"], row["seconds"])
            equivalents, seconds = (
                end if method == "powell" else (reached[0][0].forward_equivalents, reached[0][1])
            )
            rows[-1] |= {
                "to_powell_equivalents": equivalents,
                "to_powell_seconds": seconds,
                "fewer_than_ours": powell["equivalents"] / equivalents,
                "fewer_than_reference": len(asked) / equivalents,
                "faster_than_reference": reference["seconds"] / seconds,
            }
    return rows


def _descended(study: Study, bits: dict[str, Any], start: Array, method: str) -> dict[str, Any]:
    print(f"{method} ...", file=sys.stderr)
    objective = Objective(study, **bits)
    objective.loss(start)  # phase 2 has it
    path: list[tuple[PathPoint, float]] = []
    begun = time.process_time()
    trail = Trail(objective, start, on_better=lambda p: path.append((p, time.process_time() - begun)))
    METHODS[method](trail, 0)
    seconds = time.process_time() - begun
    evaluations, equivalents = trail.spent
    return {
        "loss": trail.best.loss,
        "evaluations": evaluations,
        "equivalents": equivalents,
        "seconds": seconds,
        "path": path,
        "entries": objective.journal.entries,
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
