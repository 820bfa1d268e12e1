"""Memory of a network of ImageNet's size in LAPQ, training and evaluation: does it grow with the number of samples?

    python -m benchmarks.big_memory WORK IMAGES BATCH

Every case is a process of its own, which prints the seconds of the processor and the most memory it held, PyTorch and
the images included. `measured` starts one and reads what it printed.
"""

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import torch

from benchmarks.big_networks import resnet_study
from explorer.evaluation.split_value import evaluate
from explorer.lapq import optimise
from explorer.plans import Plan
from explorer.qat.finetuning import finetune
from explorer.studies.study import Study

_LAPQ_LAYERS = slice(
    -4, -1
)  # that get steps: what comes before them is kept, as far as the memory for that goes


def measured(work: str, images: int, batch: int) -> tuple[float, float]:
    """Processor seconds of one work, and the most memory held, in GB."""
    command = [sys.executable, "-m", "benchmarks.big_memory", work, str(images), str(batch)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return float(found["seconds"]), float(found["memory"])


def _evaluated(study: Study, batch: int) -> None:
    blocks = study.blocks()
    evaluate(study, Plan.uniform(study, blocks, 4, 4).layer_bits(blocks))


def _calibrated(study: Study, batch: int) -> None:
    """LAPQ with all images for its calibration; ``batch`` is its own."""
    names = [layer.name for block in study.blocks() for layer in block.layers]
    chosen = set(names[_LAPQ_LAYERS])
    leave = tuple(name for name in names if name not in chosen)
    optimise(study, w_bits=4, a_bits=4, calibration=study.data.size("train"), leave=leave)


def _trained(study: Study, batch: int) -> None:
    """One epoch by the default recipe."""
    blocks = study.blocks()
    finetune(study, Plan.uniform(study, blocks, 4, 4), blocks, epochs=1, batch_size=batch)


WORKS: dict[str, Callable[[Study, int], None]] = {
    "evaluation": _evaluated,
    "lapq": _calibrated,
    "training": _trained,
}


def main() -> None:
    work, images, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    study = resnet_study(images)
    begun = time.process_time()
    WORKS[work](study, batch)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(json.dumps({"seconds": time.process_time() - begun, "memory": peak}))


if __name__ == "__main__":
    main()
