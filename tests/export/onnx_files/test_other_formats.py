"""QONNX and AIMET's encodings: what they say is what the simulated network computes, at widths of every kind."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import onnx_ir as ir
import pytest

from explorer.errors import ExportError
from explorer.export import Subject, export
from explorer.export.onnx_files import aimet, qonnx, reading, trying
from explorer.export.onnx_files.markers import marked
from explorer.export.onnx_files.quant_nodes import runnable
from explorer.export.onnx_files.running import Running
from explorer.plans import Plan
from explorer.quantizers import QuantizerSettings, simulate
from explorer.quantizers.deployed import deploy
from explorer.studies.calibration import calibration_batches
from explorer.studies.study import Study

pytest.importorskip("onnxruntime")


@pytest.mark.parametrize(
    ("w_bits", "a_bits", "granularity"),
    [(1, 8, "tensor"), (3, 1, "channel"), (5, 6, "tensor"), (8, 16, "channel")],
)
def test_qonnx_says_every_width(
    study: Study, graph: ir.Model, tmp_path: Path, w_bits: int, a_bits: int, granularity: str
) -> None:
    """The operators' meaning, in ONNX's own, gives the simulated outputs; the file says as many bits as there are."""
    blocks, calibration = study.blocks(), calibration_batches(study)
    bits = Plan.uniform(study, blocks, w_bits, a_bits).layer_bits(blocks)
    if w_bits == 1:  # {-1, +1} has no zero for the channel whose γ is 0
        bits |= {"depthwise": (2, a_bits)}
    settings = QuantizerSettings("symmetric", granularity)  # type: ignore[arg-type]
    ready = deploy(simulate(study.model(), bits, calibration, weights=settings), calibration)
    marks, model = marked(ready.network), graph.clone()
    assert set(qonnx.lower(model, marks)) == set(marks.weights)
    path = tmp_path / "model.onnx"
    path.write_bytes(ir.to_proto(model).SerializeToString())
    proto = reading.opened(path)
    x = study.data.inputs("test", slice(0, 70))
    said = Running(runnable(proto).SerializeToString(), optimised=False, threads=1)(x)
    found = trying.compared(study.metric, [said], [ready.network(x).detach()])
    assert found["same"] >= 0.8
    assert found["flips"] <= 2
    widths = [node for node in proto.graph.node if node.op_type in ("Quant", "BipolarQuant")]
    assert len(widths) == len(marks.weights) + len(marks.biases) + len(marks.inputs)


def test_encodings_say_the_plan_and_name_what_they_cannot(study: Study, tmp_path: Path) -> None:
    """The input of a layer has an encoding of its own, which nothing else that reads the same tensor is hit by."""
    blocks = study.blocks()
    plan = Plan.uniform(study, blocks, 3, 4)
    manifest = export(Subject.untrained(study, plan, blocks), "aimet", tmp_path / "out")
    assert manifest.checks["as written beside the simulated network"]["same"] >= 0.8
    assert any("3 bits are said as 4 bits" in sentence for sentence in manifest.remarks)
    encodings = json.loads((tmp_path / "out" / aimet.ENCODINGS).read_text())["encodings"]
    assert {each["output_dtype"] for each in encodings} <= {"int4", "uint4"}
    names = [each["name"] for each in encodings]
    proto = reading.opened(tmp_path / "out" / aimet.MODEL)
    initial = {each.name for each in proto.graph.initializer}
    readers = {name: [node for node in proto.graph.node if name in node.input] for name in names}
    assert all(len(nodes) == 1 for name, nodes in readers.items() if name not in initial)
    encodings[0]["name"] = "elsewhere"
    with pytest.raises(ExportError, match="'elsewhere', which is not in the file"):
        aimet.quantized(proto, encodings)


def test_what_encodings_have_no_type_for_is_refused(study: Study, tmp_path: Path) -> None:
    blocks = study.blocks()
    with pytest.raises(ExportError, match="the input of layer 'first' has 6 bits"):
        export(Subject.untrained(study, Plan.uniform(study, blocks, 8, 6), blocks), "aimet", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(importlib.util.find_spec("qonnx") is None, reason="the package qonnx is not installed")
def test_the_cost_tool_of_qonnx_counts_the_bits_of_the_plan(study: Study, tmp_path: Path) -> None:
    """Another program comes to no other size than the plan promised, of the operators that it knows: not all."""
    blocks = study.blocks()
    plan = Plan.of_weights(
        study, blocks, {block.name: 2 + place for place, block in enumerate(blocks)}, a_bits=8
    )
    manifest = export(Subject.untrained(study, plan, blocks), "qonnx", tmp_path / "out")
    counted = manifest.checks["bits of all weights by qonnx's cost tool"]
    assert 0 < counted["counted"] <= counted["plan"]
