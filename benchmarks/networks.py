"""What works with networks that nobody here wrote, from PyPI: every step of a study, one network after the other.

    python -m benchmarks.networks [--only NAME ...] [--markdown docs/networks.md]

Networks are those of `benchmarks.zoo`: untrained, small inputs, random samples. Blocks: how many, and the share of all
parameters in them. FP32: whether the network with all widths at 32 bits gives the plain network's outputs to the bit.
Then traces of weights and of activations by the method ``auto``, the loss at 8/8 bits without training, LAPQ at 4/4,
and one step of training at 4/4 by LSQ. A step that fails says why in its own words.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.report import report
from benchmarks.tables import Column, Table
from benchmarks.zoo import Entry, entries
from explorer.curvature import activation_traces, weight_traces
from explorer.errors import ExplorerError
from explorer.evaluation.split_value import evaluate
from explorer.lapq import optimise
from explorer.plans import Plan
from explorer.qat.finetuning import finetune
from explorer.quantizers.simulated import simulate
from explorer.studies.study import Study

DRAWS = 16
_SECONDS = 20  # at most, for traces
_LAPQ_LAYERS = 6  # that get steps, spread over the network
_COLUMNS = (
    Column("network", "network"),
    Column("blocks", "blocks"),
    Column("share", "of the parameters"),
    Column("plain", "all at 32 bits"),
    Column("weights", "traces of weights"),
    Column("activations", "traces of activations"),
    Column("eight", "loss at 32 and 8 bits"),
    Column("lapq", "LAPQ at 4 bits"),
    Column("trained", "a step at 4 bits"),
)
_HOW = (
    "All at 32 bits: outputs against those of the plain network.",
    "Traces: the method that auto chose.",
    "LAPQ: about six layers, spread over the network; loss on 8 calibration samples after the first and last phase.",
    "A step: loss before and after one step of LSQ.",
    "The networks are untrained, so that losses say that a step ran, not how well it does.",
)
_SAID = (
    "A layer whose weight is read as a table, without being called, takes no input: it is quantized with the others by "
    "simulate and training, and LAPQ asks to leave it in FP32.",
    "Where torchvision could not be imported an empty module took its place; all of these networks are built without.",
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", nargs="+", metavar="NAME")
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    chosen = [each for each in entries() if options.only is None or each.name in options.only]
    rows, notes = [], []
    for entry in chosen:
        begun = time.monotonic()
        cells, said = row(entry)
        keys = (column.key for column in _COLUMNS[1:])
        rows.append({"network": f"{entry.name} ({entry.package})", **dict(zip(keys, cells, strict=True))})
        notes += [{"network": entry.name, "remark": each} for each in said]
        print(rows[-1], f"{time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
    remarks = (Column("network", "network"), Column("remark", "remark"))
    tables = [
        Table("a steps", "Every step", _COLUMNS, tuple(rows), _HOW),
        Table("b remarks", "What was said", remarks, tuple(notes), _SAID),
    ]
    report(
        tables,
        script="networks",
        title="Networks from elsewhere",
        markdown=options.markdown,
        numbers=options.json,
    )


def row(entry: Entry) -> tuple[Sequence[str], list[str]]:
    """The cells of one network, and what is to be said of it."""
    said: list[str] = []
    try:
        study = entry.build()
    except Exception as error:  # of a package that is not here, or not as it was
        return ("not built",) + ("",) * 7, [f"not built: {type(error).__name__}: {error}"]
    if study.remark:
        said.append(study.remark)
    steps: tuple[Callable[[Study], str], ...] = (
        _blocks,
        _share,
        _plain,
        lambda it: _traces(it, weight_traces, said),
        lambda it: _traces(it, activation_traces, said),
        _eight,
        _lapq,
        _trained,
    )
    return [_tried(step, study, said) for step in steps], said


def _tried(step: Callable[[Study], str], study: Study, said: list[str]) -> str:
    try:
        return step(study)
    except ExplorerError as error:
        said.append(str(error))
        return "refused"
    except Exception as error:  # what a table of what works is there to show
        said.append(f"{type(error).__name__}: {error}")
        return "fails"


def _blocks(study: Study) -> str:
    return str(len(study.blocks()))


def _share(study: Study) -> str:
    within = sum(block.weights for block in study.blocks())
    return f"{within / sum(each.numel() for each in study.network.parameters()):.1%}"


def _plain(study: Study) -> str:
    bits = {layer.name: (32, 32) for block in study.blocks() for layer in block.layers}
    inputs = study.data.inputs("test", slice(0, 4))
    quantized = simulate(study.model(), bits, [inputs])
    with torch.no_grad():
        found, plain = quantized(inputs), study.network(inputs)
    if _same(found, plain):
        return "to the bit"
    return f"{max(_differences(found, plain)):.1g} off"


def _traces(study: Study, estimate: Callable[..., Any], said: list[str]) -> str:
    found = estimate(study, samples=DRAWS, rel_se=0.2, max_seconds=_SECONDS)
    said += [
        f"traces of {found.of}: {sentence}." for sentence in found.note.split(". ") if "by sample" in sentence
    ]
    return f"{found.method}"


def _eight(study: Study) -> str:
    blocks = study.blocks()
    bits = Plan.uniform(study, blocks, 8, 8).layer_bits(blocks)
    return f"{evaluate(study).loss:.4f} → {evaluate(study, bits).loss:.4f}"


def _lapq(study: Study) -> str:
    names = [layer.name for block in study.blocks() for layer in block.layers]
    chosen = set(names[:: max(1, len(names) // _LAPQ_LAYERS)])
    leave = tuple(name for name in names if name not in chosen)
    stages = optimise(study, w_bits=4, a_bits=4, calibration=8, leave=leave).stages
    return f"{stages['layerwise'].calibration_loss:.4f} → {stages['joint'].calibration_loss:.4f}"


def _trained(study: Study) -> str:
    blocks = study.blocks()
    plan = Plan.uniform(study, blocks, 4, 4)
    options: dict[str, Any] = {"method": "lsq", "epochs": 1, "batch_size": 16, "keep": "last"}
    if not torch.is_tensor(study.network(study.data.inputs("test", slice(0, 1)))):
        options["logits"] = 0.0  # outputs of several tensors cannot teach
    found = finetune(study, plan, blocks, **options)
    return f"{found.before.loss:.4f} → {found.after.loss:.4f}"


def _same(one: Any, other: Any) -> bool:
    return all(difference == 0 for difference in _differences(one, other))


def _differences(one: Any, other: Any) -> list[float]:
    if torch.is_tensor(one):
        return [float((one - other).abs().max())]
    return [each for key in one for each in _differences(one[key], other[key])]


if __name__ == "__main__":
    main()
