r"""The format ``onnx``: QuantizeLinear and DequantizeLinear, weights in bytes or at their own width.

integer    what `deploy` makes of the network: every convolution, residual sum and linear layer can run in integers
faithful   the plan's network with batch norms folded and no more; integer runtimes round its biases silently
"""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import onnx_ir as ir
import onnxscript

from explorer import files
from explorer.errors import ExportError
from explorer.export.onnx_files import reading, running, trying
from explorer.export.onnx_files.converting import of_study
from explorer.export.onnx_files.lowering import lower, refuse
from explorer.export.onnx_files.markers import Marked, marked
from explorer.export.subject import Check, Subject, Written
from explorer.quantizers.deployed import Deployed, Deployment, deploy
from explorer.studies.calibration import calibration_batches

NAME = "model.onnx"
FAITHFUL = Deployment(integer_bias=False, residual_bits=None)


def write(subject: Subject, folder: Path) -> Written:
    """Write the file and read it back.

    Raises:
        ExportError: a layer cannot be said in ONNX, or the file is not read back as it was written.
    """
    integer = subject.options.flavour == "integer"
    ready = deploy(subject.network, calibration_batches(subject.study), Deployment() if integer else FAITHFUL)
    marks = marked(ready.network)
    refuse(marks)
    if integer:
        _refuse_zero_points(marks)
    model = of_study(marks.network, subject.study)
    holding = lower(model, marks, subject.options.carrier)
    model.producer_name, model.producer_version = "mixed-precision-explorer", None
    model.metadata_props["flavour"] = subject.options.flavour
    files.write(folder / NAME, ir.to_proto(model).SerializeToString())
    return _read_back(subject, ready, marks, holding, folder / NAME)


def _read_back(
    subject: Subject, ready: Deployed, marks: Marked, holding: dict[str, list[str]], path: Path
) -> Written:
    model = reading.opened(path)
    for key in holding:
        found = reading.integers(model, f"{key}.weight.integers")
        if not np.array_equal(found, marks.weights[key].integers.cpu().numpy().astype(np.int32)):
            raise ExportError(
                f"the integers of layer {key!r} were not read back as they were written; report this"
            )
    size = reading.weight_bytes(model, [name for names in holding.values() for name in names])
    checks = [Check("integers", {"layers": len(holding), "equal": True})]
    remarks = [*ready.remarks]
    versions = {each.__name__: each.__version__ for each in (onnx, ir, onnxscript, ml_dtypes)}
    if missing := sorted(set(marks.weights) - set(holding)):
        remarks.append(f"No output needs the weights of {', '.join(missing)}; they are not in the file.")
    if subject.options.flavour == "faithful":
        remarks.append(
            "Biases are floating-point numbers, which ONNX Runtime rounds to int32 unless it runs with "
            "session.disable_quant_qdq=1."
        )
    if runtime := running.installed():
        versions["onnxruntime"] = runtime
        found_checks, said = _tried(subject, ready, path)
        checks += found_checks
        remarks += said
    else:
        remarks.append("ONNX Runtime was not there, so the file was not run.")
    return Written(size, tuple(checks), tuple(remarks), versions)


def _tried(subject: Subject, ready: Deployed, path: Path) -> tuple[list[Check], list[str]]:
    """Run the file as written and as the runtime likes it, beside the simulated network."""
    found = {
        "as written": trying.run(subject, running.Running(path, optimised=False, threads=1)),
        "as run": trying.run(subject, running.Running(path, threads=1)),
    }
    checks = trying.beside(subject, ready.network, found)
    between = trying.compared(subject.study.metric, found["as run"], found["as written"])
    checks.append(Check("as run beside as written", between))
    checks += trying.accuracy(subject, "as run", found["as run"])
    remarks = []
    if subject.options.flavour == "integer" and between["same"] < 0.5:
        remarks.append(
            f"On this computer ONNX Runtime gives {between['same']:.0%} of the samples the outputs that the file says: "
            "without VNNI, sums of two products of 8 bits saturate; give weights at most 7 bits, or run with "
            "session.x64quantprecision=1."
        )
    return checks, remarks


def _refuse_zero_points(marks: Marked) -> None:
    for key, weight in marks.weights.items():
        if weight.affine.zero_point is not None and bool((weight.affine.zero_point != 0).any()):
            raise ExportError(
                f"the weight of layer {key!r} has zero points, which integer convolutions do not take; choose the "
                "flavour faithful, or symmetric weights"
            )
