r"""The format ``aimet``: an FP32 network in ONNX, and AIMET's encodings 2.1.0 beside it.

    model.onnx         batch norms folded, weights floating-point numbers on their grid
    model.encodings    {"version": "2.1.0", "encodings": [{"name", "output_dtype", "y_scale", "y_zero_point", "axis"}]}

An encoding names a tensor and not an edge, so that the one of a layer's input would also hit whatever else reads the
tensor, such as a residual sum. Every quantizer therefore has a tensor of its own, behind a multiplication by one: AIMET
has no quantizers behind an Identity.

The types are INT and UINT of 2, 4, 8 and 16 bits. A weight of another width is on the grid of the next wider type, with
the same step: the values are the plan's, its width is only in the manifest. An input of another width has no such way
out, since a wider type clips elsewhere; it is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxscript
import torch

from explorer import files
from explorer.errors import ExportError
from explorer.export.onnx_files import reading, running, trying
from explorer.export.onnx_files.carriers import Parts
from explorer.export.onnx_files.converting import of_study
from explorer.export.onnx_files.editing import replace, tidy
from explorer.export.onnx_files.markers import DOMAIN, Marked, marked
from explorer.export.onnx_files.quant_nodes import DOMAIN as QUANT
from explorer.export.onnx_files.quant_nodes import OPSET, quant, runnable
from explorer.export.onnx_files.writing import FAITHFUL
from explorer.export.subject import Check, Subject, Written
from explorer.quantizers.deployed import Deployed, deploy
from explorer.quantizers.grid import Grid
from explorer.quantizers.uniform import Affine
from explorer.studies.calibration import calibration_batches

MODEL, ENCODINGS = "model.onnx", "model.encodings"
VERSION = "2.1.0"
TYPES = (2, 4, 8, 16)  # bits
_IR_VERSION = 10

Encoding = dict[str, Any]


def write(subject: Subject, folder: Path) -> Written:
    """Write both files and read them back.

    Raises:
        ExportError: an input has a width or a grid that encodings have no type for (the sentence names the layer), or
            a file is not read back as it was written.
    """
    ready = deploy(subject.network, calibration_batches(subject.study), FAITHFUL)
    marks = marked(ready.network)
    refuse(marks)
    model = of_study(marks.network, subject.study)
    encodings = lower(model, marks)
    model.producer_name, model.producer_version = "mixed-precision-explorer", None
    files.write(folder / MODEL, ir.to_proto(model).SerializeToString())
    said = {"version": VERSION, "encodings": encodings}
    files.write(folder / ENCODINGS, (json.dumps(said, indent=1) + "\n").encode())
    return _read_back(subject, ready, marks, folder)


def refuse(marked: Marked) -> None:
    """Refuse inputs that encodings have no type for.

    Raises:
        ExportError: the sentence names the layer.
    """
    for key, affine in marked.inputs.items():
        layer = key.rpartition(".")[0]
        if affine.grid.bits not in TYPES:
            raise ExportError(
                f"the input of layer {layer!r} has {affine.grid.bits} bits, and AIMET's encodings know 2, 4, 8 and 16 "
                "alone; give it one of these, or use the format qonnx"
            )


def lower(model: ir.Model, marked: Marked, *, apart: bool = True) -> list[Encoding]:
    """Replace every marker of an exported model by a tensor with a name, in place; the encodings of those tensors.

    Args:
        apart: give every quantizer of inputs a tensor of its own; without, nothing is left of them.
    """
    graph = model.graph
    everywhere, weights = Parts(), dict[str, ir.Value]()
    encodings: list[Encoding] = []
    for node in list(graph):
        if node.domain != DOMAIN:
            continue
        key = node.attributes["key"].as_string()
        parts = Parts(everywhere.initializers)
        source = node.inputs[0]
        assert source is not None
        if node.op_type == "Weight":
            if key not in weights:
                name, weight = f"{key}.weight", marked.weights[key]
                weights[key] = parts.constant(name, weight.dequantize().detach().cpu().float().numpy())
                encodings.append(_encoding(name, weight.affine))
            new = weights[key]
        elif node.op_type == "Bias":
            new = parts.constant(f"{key}.bias", marked.biases[key].value().detach().cpu().float().numpy())
        elif not apart:
            new = source
        else:
            name = f"{key}.{node.outputs[0].name}"
            one = parts.constant("explorer.unity", np.array(1, np.float32))
            new = parts.node("Mul", [source, one], name)
            encodings.append(_encoding(name, marked.inputs[key]))
        graph.insert_before(node, parts.nodes)
        replace(graph, node, new)
    for name, value in everywhere.initializers.items():
        graph.initializers[name] = value
    tidy(model, {"": OPSET}, _IR_VERSION)
    there = {value.name for node in graph for value in (*node.inputs, *node.outputs) if value is not None}
    return [each for each in encodings if each["name"] in there]


def quantized(model: onnx.ModelProto, encodings: Sequence[Encoding]) -> onnx.ModelProto:
    """The network that a model and its encodings mean together, for ONNX Runtime.

    Raises:
        ExportError: an encoding names a tensor that is not there, or has a type that is unknown.
    """
    made = ir.from_proto(model)
    graph = made.graph
    values = {value.name: value for node in graph for value in node.outputs} | dict(graph.initializers)
    everywhere = Parts()
    for each in encodings:
        if (value := values.get(each["name"])) is None:
            raise ExportError(f"an encoding names the tensor {each['name']!r}, which is not in the file")
        readers, maker = list(value.uses()), value.producer()
        rank = 0 if value.shape is None else len(value.shape)
        parts = Parts(everywhere.initializers)
        new = quant(parts, value, _affine(each), f"{each['name']}.quantized", rank=rank)
        for user, place in readers:
            user.replace_input_with(place, new)
        if maker is None:
            graph.insert_before(graph[0], parts.nodes)
        else:
            graph.insert_after(maker, parts.nodes)
    for name, initializer in everywhere.initializers.items():
        graph.initializers[name] = initializer
    made.opset_imports[QUANT] = 1
    return runnable(ir.to_proto(made))


def _encoding(name: str, affine: Affine) -> Encoding:
    """What a tensor becomes, in the narrowest type that has its levels."""
    grid = affine.grid
    signed = grid.qmin < 0
    bits = next(width for width in TYPES if width >= grid.bits)
    found: Encoding = {
        "name": name,
        "output_dtype": f"{'int' if signed else 'uint'}{bits}",
        "y_scale": affine.step.detach().cpu().double().tolist(),
    }
    if affine.zero_point is not None:
        found["y_zero_point"] = affine.zero_point.detach().cpu().long().tolist()
    if affine.axis is not None:
        found["axis"] = affine.axis
    return found


def _affine(encoding: Encoding) -> Affine:
    """What an encoding means."""
    kind = str(encoding["output_dtype"])
    width = kind.removeprefix("u").removeprefix("int")
    if width not in map(str, TYPES):
        raise ExportError(f"an encoding has the type {kind!r}, which is unknown")
    grid = Grid.unsigned(int(width)) if kind.startswith("u") else Grid.signed(int(width))
    zero = encoding.get("y_zero_point")
    return Affine(
        torch.tensor(encoding["y_scale"], dtype=torch.float32),
        None if zero is None else torch.tensor(zero, dtype=torch.float32),
        grid,
        encoding.get("axis"),
    )


def _read_back(subject: Subject, ready: Deployed, marks: Marked, folder: Path) -> Written:
    model = reading.opened(folder / MODEL)
    encodings = json.loads((folder / ENCODINGS).read_text())["encodings"]
    named = {each["name"]: _affine(each) for each in encodings}
    tensors = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    held = [key for key in marks.weights if f"{key}.weight" in named]
    for key in held:
        name, weight = f"{key}.weight", marks.weights[key]
        step, zero = named[name].over(torch.from_numpy(tensors[name].copy()))
        whole = np.rint(tensors[name] / step.numpy() + (0 if zero is None else zero.numpy()))
        if not np.array_equal(whole.astype(np.int64), weight.integers.cpu().numpy().astype(np.int64)):
            raise ExportError(
                f"the integers of layer {key!r} were not read back as they were written; report this"
            )
    checks = [Check("integers", {"layers": len(held), "equal": True})]
    remarks = [*ready.remarks, *_unsaid(marks, held)]
    versions = {each.__name__: each.__version__ for each in (onnx, ir, onnxscript)}
    if runtime := running.installed():
        versions["onnxruntime"] = runtime
        both = quantized(model, encodings).SerializeToString()
        found = trying.run(subject, running.Running(both, optimised=False, threads=1))
        checks += trying.beside(subject, ready.network, {"as written": found})
        checks += trying.accuracy(subject, "as written", found)
    else:
        remarks.append("ONNX Runtime was not there, so the files were not run.")
    size = sum(tensors[f"{key}.weight"].nbytes for key in held)
    return Written(size, tuple(checks), tuple(remarks), versions)


def _unsaid(marks: Marked, held: Sequence[str]) -> list[str]:
    """Sentences, what the encodings do not say."""
    wider: dict[int, list[str]] = {}
    for key in held:
        if (bits := marks.weights[key].bits) not in TYPES:
            wider.setdefault(bits, []).append(key)
    said = [
        f"Weights of {bits} bits are said as {next(width for width in TYPES if width >= bits)} bits with the same "
        f"step, since encodings have no type of {bits}: {', '.join(keys)}. A target packs them that wide."
        for bits, keys in sorted(wider.items())
    ]
    said.append("Biases have no encodings: a target rounds them as it likes, to int32 as a rule.")
    said.append("Residual sums have no encodings: the file says the plan and no more.")
    said.append(
        "Inputs have tensors of their own behind multiplications by one; load the encodings with strict=False, "
        "and let no tool simplify the network before."
    )
    if missing := sorted(set(marks.weights) - set(held)):
        said.append(f"No output needs the weights of {', '.join(missing)}; they are not in the file.")
    return said
