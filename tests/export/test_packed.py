"""Packed files lose nothing, at any width, and what is no packed file is refused."""

from __future__ import annotations

import ast
import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from explorer.errors import ExportError
from explorer.export import Options, Subject, export, unpacking
from explorer.export.packed import NAME, loaded, opened, packed_tensors
from explorer.export.packing import pack, packed_size
from explorer.plans import Plan
from explorer.quantizers import ACTIVATIONS, Grid, QuantizerSettings, quantized_layers, simulate
from explorer.studies.calibration import calibration_batches
from explorer.studies.study import Study


@given(st.integers(1, 8), st.booleans(), st.data())
def test_integers_of_every_width_and_length_survive(bits: int, signed: bool, data: st.DataObject) -> None:
    grid = Grid.signed(bits) if signed else Grid.unsigned(bits)
    numbers = np.array(data.draw(st.lists(st.sampled_from(grid.levels), max_size=40)), np.int16)
    stream = pack(numbers, grid)
    assert stream.nbytes == packed_size(len(numbers), bits) == -(-len(numbers) * bits // 8)
    again = unpacking.unpack(stream, len(numbers), bits, grid.qmin, grid.qmax)
    assert again.tolist() == numbers.tolist()


def test_the_layout_is_the_documented_one() -> None:
    """3 bits: 0, 7 and 4 as 000, 111, 001 from the lowest bit of the first byte on."""
    assert pack(np.array([-4, 3, 0]), Grid.signed(3)).tolist() == [0b00111000, 0b1]
    assert pack(np.array([1, -1, -1, 1]), Grid.signed(1)).tolist() == [0b1001]


@settings(max_examples=8)
@given(
    st.sampled_from([1, 2, 3, 5, 8, 16]),
    st.sampled_from(["symmetric", "affine"]),
    st.sampled_from(["tensor", "channel"]),
    st.sampled_from(["none", "mean-variance"]),
)
def test_a_network_comes_back_to_the_bit(
    study: Study, tmp_path_factory: Any, bits: int, scheme: Any, granularity: Any, correction: Any
) -> None:
    """Whatever it was quantized by: zero points, corrected biases, inputs with a step a channel."""
    weights = QuantizerSettings(scheme, granularity, "min-max", correction)
    inputs = QuantizerSettings("affine", granularity, ACTIVATIONS.step)
    blocks = study.blocks()
    plan = Plan.uniform(study, blocks, bits, 4)
    network = simulate(
        study.model(),
        plan.layer_bits(blocks),
        calibration_batches(study),
        weights=weights,
        activations=inputs,
    )
    folder = tmp_path_factory.mktemp("packed") / "out"
    manifest = export(Subject(study, plan, blocks, network, Options(tried=9)), "packed", folder)
    found = opened(folder / NAME)
    again = loaded(study, found)
    x = study.data.inputs("test", slice(0, 9))
    assert torch.equal(again(x), network(x))
    for name, layer in quantized_layers(network).items():
        theirs = quantized_layers(again)[name].weight
        assert layer.weight is not None
        assert theirs is not None
        assert torch.equal(theirs.integers, layer.weight.integers)
        assert np.array_equal(found.weights[name].values(), layer.weight.dequantize().numpy())
    exact = sum(packed_size(block.weights, bits) for block in blocks)
    assert manifest.weight_bytes == exact
    assert 0 <= exact - manifest.promised_bytes < len(blocks)


def test_the_file_is_plain_safetensors_with_the_state_of_the_network(study: Study, tmp_path: Path) -> None:
    blocks = study.blocks()
    export(Subject.untrained(study, Plan.uniform(study, blocks, 3, 8), blocks), "packed", tmp_path / "out")
    tensors = load_file(tmp_path / "out" / NAME)
    assert tensors["first.weight.packed"].dtype == np.uint8
    assert set(opened(tmp_path / "out" / NAME).state()) == set(study.model().state_dict())
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["files"][NAME]["bytes"] == (tmp_path / "out" / NAME).stat().st_size
    with pytest.raises(ExportError, match="something at"):
        export(
            Subject.untrained(study, Plan.uniform(study, blocks, 3, 8), blocks), "packed", tmp_path / "out"
        )


def test_the_reader_needs_numpy_alone() -> None:
    tree = ast.parse(Path(unpacking.__file__).read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) == {"numpy"}


def test_layers_that_share_a_weight_share_the_stream() -> None:
    from tests.quantizers.networks import tied, tokens

    network = simulate(tied(), {"embed": (3, 8), "mix": (4, 8)}, [tokens()])
    tensors, layers = packed_tensors(network)
    assert layers["out"]["shares"] == "embed"
    assert "out.weight.packed" not in tensors


@settings(max_examples=40)
@given(st.data())
def test_damaged_files_are_refused_in_a_sentence(tiny_file: Path, data: st.DataObject) -> None:
    """Cut, with bytes of the header changed, or with metadata that contradicts the tensors."""
    content = bytearray(tiny_file.read_bytes())
    (length,) = struct.unpack("<Q", content[:8])
    how = data.draw(st.sampled_from(["cut", "header", "metadata"]))
    if how == "cut":
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    elif how == "header":
        place = data.draw(st.integers(0, 7))
        content[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    else:
        header = json.loads(content[8 : 8 + length])
        layers = json.loads(header["__metadata__"]["layers"])
        field, value = data.draw(
            st.sampled_from(
                [("bits", 4), ("bits", 2**40), ("shape", [2**40, 2**40]), ("axis", 7), ("qmin", "x")]
            )
        )
        layers["first"][field] = value
        header["__metadata__"]["layers"] = json.dumps(layers)
        new = json.dumps(header).encode()
        content = bytearray(struct.pack("<Q", len(new)) + new) + content[8 + length :]
    damaged = tiny_file.with_name("damaged.safetensors")
    damaged.write_bytes(content)
    with pytest.raises(ExportError, match="packed"):
        opened(damaged)


@pytest.fixture(scope="module")
def tiny_file(study: Study, tmp_path_factory: Any) -> Path:
    blocks = study.blocks()
    folder: Path = tmp_path_factory.mktemp("tiny") / "out"
    export(
        Subject.untrained(study, Plan.uniform(study, blocks, 3, 8), blocks, Options(tried=4)),
        "packed",
        folder,
    )
    return folder / NAME
