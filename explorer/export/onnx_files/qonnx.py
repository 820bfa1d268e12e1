r"""The format ``qonnx``: every quantizer said at its own width, for FINN, hls4ml and whatever else reads QONNX.

Weights are floating-point numbers on their grid, each behind a Quant (1 bit: BipolarQuant) that says step and width;
so are inputs, and residual sums and biases of the flavour ``integer`` (32 bits). Nothing is too wide or too narrow.
Where the package ``qonnx`` is installed, its own cost tool counts the bits of the weights.
"""

from __future__ import annotations

import importlib
import logging
import warnings
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxscript

from explorer import files
from explorer.errors import ExportError
from explorer.export.onnx_files import reading, running, trying
from explorer.export.onnx_files.carriers import Parts
from explorer.export.onnx_files.converting import of_study
from explorer.export.onnx_files.editing import replace, tidy
from explorer.export.onnx_files.markers import DOMAIN as MARKERS
from explorer.export.onnx_files.markers import Marked, marked
from explorer.export.onnx_files.quant_nodes import DOMAIN, OPSET, quant, runnable
from explorer.export.onnx_files.writing import FAITHFUL
from explorer.export.subject import Check, Subject, Written
from explorer.plans.costs.tables import size_bits
from explorer.quantizers.deployed import Deployed, Deployment, deploy
from explorer.quantizers.grid import Grid
from explorer.quantizers.uniform import Affine
from explorer.studies.calibration import calibration_batches

NAME = "model.qonnx.onnx"
_IR_VERSION = 10
_INT32 = Grid(32, -(2**31), 2**31 - 1)


def write(subject: Subject, folder: Path) -> Written:
    """Write the file and read it back.

    Raises:
        ExportError: a layer cannot be computed in integers, or the file is not read back as it was written.
    """
    integer = subject.options.flavour == "integer"
    ready = deploy(subject.network, calibration_batches(subject.study), Deployment() if integer else FAITHFUL)
    marks = marked(ready.network)
    model = of_study(marks.network, subject.study)
    held = lower(model, marks)
    model.producer_name, model.producer_version = "mixed-precision-explorer", None
    model.metadata_props["flavour"] = subject.options.flavour
    files.write(folder / NAME, ir.to_proto(model).SerializeToString())
    return _read_back(subject, ready, marks, held, folder / NAME)


def lower(model: ir.Model, marked: Marked) -> list[str]:
    """Replace every marker of an exported model by QONNX's operators, in place.

    Returns:
        Layers whose weight is in the file.
    """
    graph = model.graph
    everywhere, weights = Parts(), dict[str, ir.Value]()
    for node in list(graph):
        if node.domain != MARKERS:
            continue
        key = node.attributes["key"].as_string()
        parts = Parts(everywhere.initializers)
        source = node.inputs[0]
        assert source is not None
        if node.op_type == "Weight":
            if key not in weights:
                weight, name = marked.weights[key], f"{key}.weight"
                values = parts.constant(f"{name}.values", weight.dequantize().detach().cpu().float().numpy())
                weights[key] = quant(parts, values, weight.affine, name, rank=weight.integers.ndim)
            new = weights[key]
        elif node.op_type == "Bias":
            bias, name = marked.biases[key], f"{key}.bias"
            values = parts.constant(f"{name}.values", bias.value().detach().cpu().float().numpy())
            unit = Affine(bias.unit.expand(bias.integers.shape), None, _INT32, 0)
            new = quant(parts, values, unit, name, rank=1)
        else:
            rank = 0 if source.shape is None else len(source.shape)
            new = quant(parts, source, marked.inputs[key], f"{key}.{node.outputs[0].name}", rank=rank)
        graph.insert_before(node, parts.nodes)
        replace(graph, node, new)
    for name, value in everywhere.initializers.items():
        graph.initializers[name] = value
    tidy(model, {"": OPSET, DOMAIN: 1}, _IR_VERSION)
    return sorted(weights)


def _read_back(subject: Subject, ready: Deployed, marks: Marked, held: Sequence[str], path: Path) -> Written:
    model = reading.opened(path)
    tensors = {each.name: onnx.numpy_helper.to_array(each) for each in model.graph.initializer}
    bits = sum(_bits(tensors, marks, key) for key in held)
    promised = sum(marks.weights[key].integers.numel() * marks.weights[key].bits for key in held)
    if bits != promised:
        raise ExportError(f"the file says {bits} bits of weights where {promised} were written; report this")
    checks = [
        Check("integers", {"layers": len(held), "equal": True}),
        Check("bits of the quantized weights", {"said": bits, "plan": promised}),
    ]
    remarks = [
        *ready.remarks,
        "The file holds weights as FP32 numbers, since QONNX says widths and does not pack them.",
    ]
    versions = {each.__name__: each.__version__ for each in (onnx, ir, onnxscript)}
    if missing := sorted(set(marks.weights) - set(held)):
        remarks.append(f"No output needs the weights of {', '.join(missing)}; they are not in the file.")
    if subject.options.flavour == "faithful":
        remarks.append("Biases are floating-point numbers, which no Quant is in front of.")
    if runtime := running.installed():
        versions["onnxruntime"] = runtime
        found = trying.run(
            subject, running.Running(runnable(model).SerializeToString(), optimised=False, threads=1)
        )
        checks += trying.beside(subject, ready.network, {"as written": found})
        checks += trying.accuracy(subject, "as written", found)
    else:
        remarks.append("ONNX Runtime was not there, so the file was not run.")
    if (counted := cost_of_weights(path)) is not None:
        versions["qonnx"] = version("qonnx")
        plan = size_bits(subject.blocks, subject.plan.w_bits)
        checks.append(Check("bits of all weights by qonnx's cost tool", {"counted": counted, "plan": plan}))
    else:
        remarks.append("The package qonnx was not there, so its cost tool did not count the weights.")
    return Written(
        sum(tensors[f"{key}.weight.values"].nbytes for key in held), tuple(checks), tuple(remarks), versions
    )


def cost_of_weights(path: Path) -> int | None:
    """Bits of a file's weights by ``qonnx.util.inference_cost``; None where the package is not installed.

    Raises:
        ExportError: the tool cannot read the file.
    """
    try:
        version("qonnx")
    except PackageNotFoundError:
        return None
    tool: Any = importlib.import_module("qonnx.util.inference_cost")
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = tool.inference_cost(str(path), discount_sparsity=False)
    except Exception as error:  # of any kind, it is another's program
        raise ExportError(
            f"qonnx cannot count the weights of its file ({str(error)[:120]}); report this"
        ) from error
    finally:
        logging.disable(level)
    bits: float = found["total_cost"]["total_mem_w_bits"]
    return round(bits)


def _bits(tensors: dict[str, np.ndarray], marks: Marked, key: str) -> int:
    """Bits of a weight as the file says them, its integers read back.

    Raises:
        ExportError: they are others.
    """
    weight, name = marks.weights[key], f"{key}.weight"
    values, scale = tensors[f"{name}.values"], tensors[f"{name}.scale"]
    if weight.affine.grid.is_sign:
        whole, bits = np.where(values >= 0, 1, -1), 1
    else:
        whole = np.rint(values / scale + tensors[f"{name}.zero_point"])
        bits = int(tensors[f"{name}.bits"])
    if not np.array_equal(whole.astype(np.int64), weight.integers.cpu().numpy().astype(np.int64)):
        raise ExportError(
            f"the integers of layer {key!r} were not read back as they were written; report this"
        )
    return values.size * bits
