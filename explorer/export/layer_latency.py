r"""Latency of every layer in ONNX Runtime, in the network that it is a part of: by the runtime's own profile.

Two files of one network are profiled by turns, everything at W8A8 in integers (`lowering`, integer flavour) and FP32
with batch norms folded. The nodes that compute a layer are named after it, fused ones keep the name, and a layer's time
is the sum over its nodes: a mean over passes, then a mean over rounds with s/√rounds as its standard error. Time
between layers (quantizing inputs, sums, pooling) belongs to none and is told apart.

Weights and inputs of 1 to 8 bits are carried in 8 bits, so that one measurement stands for all of them; 16 bits have no
integer kernel and run in FP32.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx_ir as ir
import torch

from explorer.errors import ExportError
from explorer.estimates import Estimate, mean
from explorer.export.onnx_files import aimet, running
from explorer.export.onnx_files.converting import converted
from explorer.export.onnx_files.lowering import lower, refuse
from explorer.export.onnx_files.markers import DOMAIN, marked
from explorer.plans.plan.plan import Plan
from explorer.quantizers.deployed import deploy
from explorer.quantizers.simulated import simulate
from explorer.studies.calibration import calibration_batches
from explorer.studies.study import Study

CARRIED = (1, 2, 3, 4, 5, 6, 7, 8)  # widths that one measurement stands for
FLOATS = (16, 32)
WARM = 0.2  # share of the passes that is not counted
_NAMED = re.compile(r"explorer:(.+?):")


@dataclass(frozen=True)
class LayerLatency:
    """One block: milliseconds a batch with their standard errors, in integers of 8 bits and in FP32."""

    block: str
    integer: float
    integer_stderr: float
    float32: float
    float32_stderr: float


@dataclass(frozen=True)
class LayerLatencies:
    """Every block of a study.

    Attributes:
        batch: samples at once.
        threads: of an operator.
        runtime: version of ONNX Runtime.
        rest: share of the integer network's time that belongs to no layer.
    """

    layers: tuple[LayerLatency, ...]
    batch: int
    threads: int
    rounds: int
    runtime: str
    rest: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **asdict(self),
            "layers": [asdict(each) for each in self.layers],
            "carried_in_8_bits": list(CARRIED),
        }

    def csv(self, machine: str) -> str:
        """A table of latencies as `frontier --latency` reads it.

        Args:
            machine: what they were measured on.
        """
        lines = [
            f"# ONNX Runtime {self.runtime}, {machine}, threads: {self.threads}, batch {self.batch}",
            "# 1 to 8 bits are all carried in 8 bits and take the same time; 16 and 32 bits run in FP32",
            "block,bits,milliseconds",
        ]
        for each in self.layers:
            lines += [f"{_cell(each.block)},{bits},{each.integer:.6f}" for bits in CARRIED]
            lines += [f"{_cell(each.block)},{bits},{each.float32:.6f}" for bits in FLOATS]
        return "\n".join(lines) + "\n"


def measure(
    study: Study,
    *,
    batch: int = 1,
    rounds: int = 4,
    passes: int = 200,
    threads: int = 1,
    progress: Callable[[float], None] | None = None,
) -> LayerLatencies:
    """Profile the layers of a study.

    Raises:
        ExportError: there is no ONNX Runtime, the network cannot be written as ONNX, or the runtime has no operator of
            its own for a layer.
    """
    runtime = running.installed()
    if runtime is None:
        raise ExportError("ONNX Runtime is not here; install it with `pip install onnxruntime`")
    files = _files(study)
    inputs = study.data.inputs("test", slice(0, batch))
    found: dict[str, list[Mapping[str, float]]] = {what: [] for what in files}
    for number in range(rounds):
        for place, (what, data) in enumerate(files.items()):
            if progress is not None:
                progress((number + place / len(files)) / rounds)
            found[what].append(_profiled(data, inputs, passes, threads))
    layers = tuple(
        _layer(block.name, tuple(each.name for each in block.layers), found) for block in study.blocks()
    )
    whole = sum(sum(each.values()) for each in found["integer"])
    outside = sum(each.get("", 0.0) for each in found["integer"])
    return LayerLatencies(layers, batch, threads, rounds, runtime, outside / whole if whole else 0.0)


def _files(study: Study) -> dict[str, bytes]:
    """The network in integers and in FP32, their nodes named after layers."""
    blocks, calibration = study.blocks(), calibration_batches(study)
    bits = Plan.uniform(study, blocks, 8, 8).layer_bits(blocks)
    ready = deploy(simulate(study.model(), bits, calibration), calibration)
    marks = marked(ready.network)
    refuse(marks)
    ragged = study.data.ragged
    example = study.data.inputs("test", slice(0, 1 if ragged else 2))
    model = converted(marks.network, example, ragged=ragged)
    _name(model)
    plain = model.clone()
    lower(model, marks, "int8")
    aimet.lower(plain, marks, apart=False)
    return {
        "integer": ir.to_proto(model).SerializeToString(),
        "float32": ir.to_proto(plain).SerializeToString(),
    }


def _name(model: ir.Model) -> None:
    """Name what reads a layer's weight, and what rectifies its output, after the layer; markers are still there."""
    for number, marker in enumerate(list(model.graph)):
        if marker.domain != DOMAIN or marker.op_type != "Weight":
            continue
        key = marker.attributes["key"].as_string()
        for node in _readers(marker.outputs[0]):
            node.name = f"explorer:{key}:{number}"
            node.outputs[0].name = f"explorer:{key}:{number}.out"
            for after, _ in list(node.outputs[0].uses()):
                if after.op_type in ("Relu", "Clip", "Add") and after.domain == "":
                    after.outputs[0].name = f"explorer:{key}:{number}.after.{after.outputs[0].name}"


def _readers(value: ir.Value) -> Iterator[ir.Node]:
    for node, _ in list(value.uses()):
        if node.op_type in ("Transpose", "Identity", "Reshape"):
            yield from _readers(node.outputs[0])
        else:
            yield node


def _profiled(data: bytes, inputs: Any, passes: int, threads: int) -> dict[str, float]:
    """Milliseconds a pass of every layer; under "" those of no layer."""
    with tempfile.TemporaryDirectory() as folder:
        ready = running.Running(data, threads=threads, profiled_to=Path(folder) / "profile")
        for _ in range(passes):
            ready(inputs)
        events = json.loads(Path(ready.profile()).read_text(encoding="utf-8"))
    durations: dict[str, list[float]] = {}
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            durations.setdefault(event["name"], []).append(event["dur"] / 1e3)
    found: dict[str, float] = {}
    for name, each in durations.items():
        counted = each[int(WARM * len(each)) :]
        named = _NAMED.search(name)
        key = "" if named is None else named.group(1)
        found[key] = found.get(key, 0.0) + sum(counted) / len(counted)
    return found


def _layer(
    name: str, layers: tuple[str, ...], found: Mapping[str, list[Mapping[str, float]]]
) -> LayerLatency:
    told: dict[str, Estimate] = {}
    for what, rounds in found.items():
        missing = [layer for layer in layers if layer not in rounds[0]]
        if missing:
            raise ExportError(
                f"ONNX Runtime has no operator of its own for layer {missing[0]!r}, so that its time cannot be told; "
                "measure it by other means"
            )
        told[what] = mean(torch.tensor([sum(each[layer] for layer in layers) for each in rounds]))
    integer, plain = told["integer"], told["float32"]
    return LayerLatency(name, integer.value, integer.stderr, plain.value, plain.stderr)


def _cell(text: str) -> str:
    """A name as a cell of CSV."""
    return '"' + text.replace('"', '""') + '"' if any(each in text for each in ',"\n#') else text
