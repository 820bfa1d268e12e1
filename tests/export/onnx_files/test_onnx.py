"""ONNX files: integers and bytes at every width, and the same outputs as the simulated network in ONNX Runtime."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from explorer.errors import ExportError
from explorer.export import Subject, export
from explorer.export.onnx_files import reading, trying, writing
from explorer.export.onnx_files.carriers import OPSETS, Carrier, Parts, carried
from explorer.export.onnx_files.converting import converted
from explorer.export.onnx_files.lowering import lower
from explorer.export.onnx_files.markers import marked
from explorer.export.onnx_files.running import Running
from explorer.plans import Plan
from explorer.quantizers import Grid, QuantizerSettings, simulate
from explorer.quantizers.deployed import deploy
from explorer.studies.calibration import calibration_batches
from explorer.studies.study import Study
from tests.quantizers.networks import tied, tokens

pytest.importorskip("onnxruntime")
WIDTHS = [  # of weights and inputs, and what shares a step
    (1, 8, "channel"), (2, 2, "tensor"), (3, 3, "channel"), (4, 8, "tensor"),
    (5, 6, "channel"), (6, 1, "tensor"), (7, 8, "channel"), (8, 4, "channel"), (8, 5, "tensor"),
]  # fmt: skip


@settings(max_examples=40)
@given(st.integers(1, 8), st.booleans(), st.sampled_from(["int8", "packed"]), st.data())
def test_integers_of_every_width_survive_in_their_own_bytes(
    bits: int, signed: bool, carrier: Any, data: st.DataObject
) -> None:
    """Put together again by the reference implementation of ONNX; odd lengths cost the last byte of each part."""
    grid = Grid.signed(bits) if signed else Grid.unsigned(bits)
    rows = data.draw(
        st.lists(st.lists(st.sampled_from(grid.levels), min_size=3, max_size=3), min_size=1, max_size=6)
    )
    integers = np.array(rows, np.int8 if signed else np.uint8)
    parts = Parts()
    value = carried(parts, "w", integers, grid, carrier)
    value.shape = ir.Shape(integers.shape)
    out = parts.node("Identity", [value], "out")
    graph = ir.Graph(
        [],
        [out],
        nodes=parts.nodes,
        initializers=list(parts.initializers.values()),
        opset_imports={"": OPSETS[carrier]},
    )
    model = ir.to_proto(ir.Model(graph, ir_version=13))
    assert np.array_equal(reading.integers(model, "w"), integers.astype(np.int32))
    held = {each.name: reading.weight_bytes(model, [each.name]) for each in model.graph.initializer}
    size = sum(held[name] for name in parts.holding)
    if carrier == "int8":
        assert size == integers.size
    else:
        exact = -(-integers.size * bits // 8)
        assert exact <= size < exact + 3
        assert size == exact or integers.size % 8


@pytest.mark.parametrize(("w_bits", "a_bits", "granularity"), WIDTHS)
def test_every_width_runs_as_simulated(
    study: Study, graph: ir.Model, tmp_path: Path, w_bits: int, a_bits: int, granularity: Any
) -> None:
    """As written; and both carriers say the same to the bit."""
    blocks, calibration = study.blocks(), calibration_batches(study)
    bits = Plan.uniform(study, blocks, w_bits, a_bits).layer_bits(blocks)
    if w_bits == 1:  # {-1, +1} has no zero for the channel whose γ is 0
        bits |= {"depthwise": (2, a_bits)}
    settings = QuantizerSettings("symmetric", granularity)
    ready = deploy(simulate(study.model(), bits, calibration, weights=settings), calibration)
    x, said = study.data.inputs("test", slice(0, 70)), []
    carriers: tuple[Carrier, ...] = ("int8", "packed")
    for carrier in carriers:
        marks, model = marked(ready.network), graph.clone()
        lower(model, marks, carrier)
        path = tmp_path / f"{carrier}.onnx"
        path.write_bytes(ir.to_proto(model).SerializeToString())
        reading.opened(path)
        said.append(Running(path, optimised=False, threads=1)(x))
    assert torch.equal(*said)
    found = trying.compared(study.metric, [said[0]], [ready.network(x).detach()])
    assert found["same"] >= 0.8
    assert found["flips"] <= 2


def test_an_integer_file_is_integers_throughout_and_tells_nothing_of_this_computer(
    study: Study, graph: ir.Model, tmp_path: Path
) -> None:
    """Convolutions, the residual sum and the linear layer are fused; 7 bits saturate nowhere, so both ways agree."""
    blocks = study.blocks()
    plan = Plan.uniform(study, blocks, 7, 8)
    calibration = calibration_batches(study)
    ready = deploy(simulate(study.model(), plan.layer_bits(blocks), calibration), calibration)
    marks, model = marked(ready.network), graph.clone()
    lower(model, marks, "int8")
    path = tmp_path / "model.onnx"
    path.write_bytes(ir.to_proto(model).SerializeToString())
    assert str(Path(__file__).parents[3]).encode() not in path.read_bytes()
    proto = reading.opened(path)
    assert "Relu" not in {node.op_type for node in proto.graph.node}
    run = Running(path, threads=1, optimised_to=tmp_path / "run.onnx")
    x = study.data.inputs("test", slice(0, 70))
    as_run, as_written = run(x), Running(path, optimised=False, threads=1)(x)
    assert trying.compared(study.metric, [as_run], [as_written])["same"] >= 0.8
    operators = Counter(node.op_type for node in onnx.load(tmp_path / "run.onnx").graph.node)
    assert (operators["QLinearConv"], operators["QLinearAdd"], operators["QGemm"]) == (3, 1, 1)
    assert run(x[:3]).shape == (3, 5)  # the batch is free


def test_tokens_tied_weights_and_layers_called_twice(tmp_path: Path) -> None:
    """Faithful and packed: a table of 3 bits that an embedding and the last layer share is in the file once."""
    network = simulate(tied(), {"embed": (3, 8), "mix": (6, 5)}, [tokens()])
    ready = deploy(network, [tokens()], writing.FAITHFUL)
    marks = marked(ready.network)
    model = converted(marks.network, tokens()[:2], ragged=False)
    holding = lower(model, marks, "packed")
    path = tmp_path / "model.onnx"
    path.write_bytes(ir.to_proto(model).SerializeToString())
    proto = reading.opened(path)
    assert set(holding) == {"embed", "mix"}
    assert reading.weight_bytes(proto, holding["embed"]) == 17 + 9  # 66 weights: 2 bits each, and a plane
    assert reading.weight_bytes(proto, holding["mix"]) == 36 * 6 // 8
    said = Running(path, optimised=False, threads=1)(tokens())
    assert torch.allclose(said, network(tokens()).detach(), atol=1e-5)


@pytest.mark.parametrize(
    ("w_bits", "a_bits", "settings", "words"),
    [
        (16, 8, {}, "the weight of layer 'first' has 16 bits"),
        (8, 16, {}, "the input of layer 'first' has 16 bits"),
        (
            4,
            8,
            {"bias_correction": "mean"},
            "layer 'first' cannot be computed in integers: its bias correction",
        ),
        (4, 8, {"scheme": "affine"}, "zero points"),
        (1, 8, {}, "γ = 0"),
    ],
)
def test_what_onnx_cannot_say_is_refused_and_nothing_is_written(
    study: Study, tmp_path: Path, w_bits: int, a_bits: int, settings: dict[str, Any], words: str
) -> None:
    blocks = study.blocks()
    plan = Plan.uniform(study, blocks, w_bits, a_bits)
    network = simulate(
        study.model(),
        plan.layer_bits(blocks),
        calibration_batches(study),
        weights=QuantizerSettings(**settings),
    )
    with pytest.raises(ExportError, match=words):
        export(Subject(study, plan, blocks, network), "onnx", tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"\x08\x0a\x3a\xff\xff\xff\xff\x0f"])
def test_what_is_no_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.onnx").write_bytes(content)
    for read in (reading.opened, Running):
        with pytest.raises(ExportError, match=r"broken\.onnx"):
            read(tmp_path / "broken.onnx")
