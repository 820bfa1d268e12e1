"""What training under quantization costs beside FP32 training, and how many images a second an evaluation measures.

    python -m benchmarks.training [--study fashion-resnet20] [--pairs 15] [--only step] [--markdown FILE] [--json FILE]

**step** A training step of each method over an FP32 step of the same network, right after one another in one process,
in CPU seconds of one thread: the median of the paired ratios and their quartiles. Forward, loss, backward, SGD and all
that the method does itself. W4A4, the first and the last layer with 8 bits, batch 128. The peers are measured in the
same run, on the same network and images, where they are installed.

**evaluate** Images a second of the network after freezing, by the number of images at once, with the allocation of
memory as it comes and as the worker of runs sets it (glibc's mallopt).
"""

import argparse
import ctypes
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

if __package__ in (None, ""):  # run as a file: the folder above is where `benchmarks` and `explorer` lie
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from benchmarks.report import report
from benchmarks.tables import Column, Table
from benchmarks.training_peers import PEERS, version
from explorer import studies
from explorer.qat.methods import METHODS, Batch, Method
from explorer.quantizers import freeze
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches

Step = Callable[[], None]
ASKED = {"ste": 1.35, "lsq": 1.35, "lsq, distillation on logits": 1.7}
TEMPERATURE, DISTILLED = 2.0, 0.9  # of the distillation, and its share of the loss
TRAINED = ("ste", "lsq", "pact", "dorefa")

_COLUMNS = (
    Column("name", "training"),
    Column("ratio", "step / FP32 step", "number"),
    Column("lower", "lower quartile", "number"),
    Column("upper", "upper quartile", "number"),
    Column("pairs", "pairs", "count"),
    Column("asked", "at most", "number"),
)
_EVALUATION_COLUMNS = (
    Column("batch", "images at once", "count"),
    Column("memory", "allocation"),
    Column("plain", "FP32, images a second", "number"),
    Column("quantized", "quantized, images a second", "number"),
    Column("ratio", "quantized time / FP32 time", "number"),
)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", default="fashion-resnet20")
    parser.add_argument("--pairs", type=int, default=15, help="steps that are compared")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--only", choices=("step", "evaluate"), help="one of the two questions")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    parser.add_argument("--json", type=Path, help="write the numbers there")
    parser.add_argument("--quick", action="store_true", help="few steps, to see that everything works")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    pairs, batch = (2, 16) if options.quick else (options.pairs, options.batch)
    study = studies.load_network(options.study)
    tables = []
    if options.only != "step":  # first, since the allocation cannot be set back
        rows = _evaluated(
            study, (16, 32) if options.quick else (16, 32, 64, 128, 500), 2 if options.quick else 8
        )
        tables.append(Table("evaluate", f"Evaluation of {study.name}, W4A4", _EVALUATION_COLUMNS, rows))
    if options.only != "evaluate":
        tuned = tune_allocation()
        notes = [f"{name} is not installed." for name in PEERS if version(name) is None]
        notes.append("Memory allocation tuned." if tuned else "Memory allocation as it comes.")
        title = f"Training step of {study.name}, W4A4, batch {batch}"
        tables.insert(0, Table("step", title, _COLUMNS, tuple(_steps(study, batch, pairs)), tuple(notes)))
    report(
        tables,
        script="training",
        title="What training under quantization costs",
        markdown=options.markdown,
        numbers=options.json,
    )
    return 0


def widths(study: Study, bits: int = 4, ends: int = 8) -> dict[str, tuple[int, int]]:
    """The same bits for every layer but the first and the last."""
    names = [layer.name for block in study.blocks() for layer in block.layers]
    return {name: (ends, ends) if name in (names[0], names[-1]) else (bits, bits) for name in names}


def tune_allocation() -> bool:
    """Keep freed memory in the process (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD), so that a step causes no page faults."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(-3, 1 << 30)) and bool(mallopt(-1, 2**31 - 1))


def _steps(study: Study, batch: int, pairs: int) -> list[dict[str, Any]]:
    rows = torch.arange(batch) % study.data.size("train")
    inputs = study.data.inputs("train", rows)
    if isinstance(inputs, Tensor) and inputs.ndim == 4:
        inputs = inputs.contiguous(memory_format=torch.channels_last)
    targets = study.data.targets("train", rows)
    bits, calibration = widths(study), calibration_batches(study)
    plain = _step(study, study.model(), None, inputs, targets)
    found = []
    for name in (*TRAINED, "lsq, distillation on logits"):
        kind, _, taught = name.partition(",")
        method = METHODS[kind]()
        network = method.prepare(study.model(), bits, calibration, None)
        teacher = _channels_last(study.model().eval()) if taught else None
        row = _paired(plain, _step(study, network, method, inputs, targets, teacher), pairs)
        found.append({"name": f"{name}, ours", **row, **({"asked": ASKED[name]} if name in ASKED else {})})
    for name, convert in PEERS.items():
        if version(name) is not None:
            peer = _step(study, convert(study.model(), bits), None, inputs, targets)
            found.append({"name": f"{name} {version(name)}", **_paired(plain, peer, pairs)})
    return found


def _step(
    study: Study,
    network: nn.Module,
    method: Method | None,
    inputs: Any,
    targets: Tensor,
    teacher: nn.Module | None = None,
) -> Step:
    """One training step as the loop makes it; a teacher's outputs are softened as by Hinton et al. 2015."""
    _channels_last(network.train())
    if method is None:
        groups: list[dict[str, Any]] = [{"params": list(network.parameters())}]
    else:
        groups = method.parameter_groups(network, learning_rate=1e-4, weight_decay=1e-4)
        method.start_epoch(network)
    optimizer = torch.optim.SGD(groups, lr=1e-4, momentum=0.9, weight_decay=1e-4)
    done = 0

    def step() -> None:
        nonlocal done
        if method is not None:
            method.seed_step(network, 0, done)
        outputs = network(inputs)
        loss = study.loss(outputs, targets)
        if teacher is not None:
            with torch.no_grad():
                taught = F.softmax(teacher(inputs) / TEMPERATURE, dim=-1)
            apart = F.kl_div(F.log_softmax(outputs / TEMPERATURE, dim=-1), taught, reduction="batchmean")
            loss = (1 - DISTILLED) * loss + DISTILLED * TEMPERATURE**2 * apart
        penalty = None if method is None else method.penalty(network, Batch(inputs, targets, outputs))
        optimizer.zero_grad()
        (loss if penalty is None else loss + penalty).backward()
        optimizer.step()
        if method is not None:
            method.after_step(network)
        done += 1

    return step


def _channels_last(network: nn.Module) -> nn.Module:
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def _paired(plain: Step, other: Step, pairs: int) -> dict[str, Any]:
    ratios = []
    for pair in range(-2, pairs):
        base, time_of_other = _seconds(plain), _seconds(other)
        if pair >= 0:
            ratios.append(time_of_other / base)
    quartiles = statistics.quantiles(ratios, n=4)
    return {"ratio": statistics.median(ratios), "lower": quartiles[0], "upper": quartiles[2], "pairs": pairs}


def _seconds(work: Step) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _evaluated(study: Study, batches: Sequence[int], repeats: int) -> tuple[dict[str, Any], ...]:
    method = METHODS["lsq"]()
    quantized = freeze(method.prepare(study.model(), widths(study), calibration_batches(study), None))
    plain = study.model().eval()
    found = []
    for memory in ("as it comes", "tuned"):
        if memory == "tuned" and not tune_allocation():
            break
        for batch in batches:
            inputs = study.data.inputs("test", torch.arange(batch) % study.data.size("test"))
            works = [lambda network=network, inputs=inputs: network(inputs) for network in (plain, quantized)]
            times: list[list[float]] = [[], []]
            with torch.no_grad():
                for repeat in range(-1, repeats):
                    for work, seconds in zip(works, times, strict=True):
                        took = _seconds(work)
                        if repeat >= 0:
                            seconds.append(took)
            first, second = (statistics.median(each) for each in times)
            ratio = statistics.median(b / a for a, b in zip(*times, strict=True))
            row = {"plain": batch / first, "quantized": batch / second, "ratio": ratio}
            found.append({"batch": batch, "memory": memory, **row})
    return tuple(found)


if __name__ == "__main__":
    sys.exit(main())
