"""The format ``packed``: a safetensors file with every weight's integers at their own width (see `unpacking`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from explorer import files
from explorer.errors import ExportError
from explorer.export.packing import pack
from explorer.export.subject import Check, Subject, Written
from explorer.export.unpacking import FORMAT, VERSION, NotPackedError, PackedFile, PackedWeight, read_packed
from explorer.quantizers.bias_correction import Correction
from explorer.quantizers.grid import Grid
from explorer.quantizers.listing import quantized_layers
from explorer.quantizers.modules import INPUT, FakeQuantizer, attach_input
from explorer.quantizers.settings import ACTIVATIONS
from explorer.quantizers.stored import STORED, QuantizedWeight, StoredWeight, integer_type
from explorer.quantizers.uniform import Affine
from explorer.studies.study import Study

NAME = "model.packed.safetensors"


def write(subject: Subject, folder: Path) -> Written:
    """Write the file and read it back.

    Raises:
        ExportError: what was read is not what was written.
    """
    tensors, layers = packed_tensors(subject.network)
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "plan": json.dumps(subject.plan.to_json()),
        "layers": json.dumps(layers),
    }
    files.write(folder / NAME, save(tensors, metadata))
    found = opened(folder / NAME)
    _check_integers(subject.network, found)
    network = loaded(subject.study, found)
    said, again = (
        torch.stack([_flat(each) for each in subject.outputs(one)[:1]]) for one in (subject.network, network)
    )
    if not torch.equal(said, again):
        raise ExportError(
            "the packed file computes other outputs than the network that was written; report this"
        )
    return Written(
        found.weight_bytes,
        (Check("integers", {"layers": len(found.weights), "equal": True}), Check("outputs", {"equal": True})),
    )


def packed_tensors(network: nn.Module) -> tuple[dict[str, Tensor], dict[str, dict[str, Any]]]:
    """The tensors of a file, and what its metadata says of each layer."""
    tensors: dict[str, Tensor] = {}
    layers: dict[str, dict[str, Any]] = {}
    owners: dict[QuantizedWeight, str] = {}
    quantized = quantized_layers(network)
    for name, layer in quantized.items():
        about: dict[str, Any] = {"input": None}
        if (weight := layer.weight) is not None and owners.setdefault(weight, name) == name:
            stream = pack(weight.integers.cpu().numpy(), weight.affine.grid)
            tensors[f"{name}.weight.packed"] = torch.from_numpy(stream)
            tensors |= _affine_tensors(f"{name}.weight", weight.affine)
            about |= {**_grid(weight.affine), "shape": list(weight.integers.shape), "correction": None}
            if (correction := weight.correction) is not None:
                about["correction"] = correction.axis
                tensors[f"{name}.weight.correction_scale"] = correction.scale.contiguous()
                tensors[f"{name}.weight.correction_offset"] = correction.offset.contiguous()
        elif weight is not None:
            about["shares"] = owners[weight]
        if layer.input is not None:
            about["input"] = _grid(layer.input)
            tensors |= _affine_tensors(f"{name}.input", layer.input)
        layers[name] = about
    held = {f"{name}.weight" for name, layer in quantized.items() if layer.weight is not None}
    for key, value in network.state_dict().items():
        if key not in held and STORED not in key.split(".") and INPUT not in key.split("."):
            tensors[key] = value.detach().contiguous().clone()
    return tensors, layers


def opened(path: Path) -> PackedFile:
    """Read a packed file.

    Raises:
        ExportError: it cannot be read, is damaged, or of another kind.
    """
    try:
        return read_packed(path)
    except (OSError, NotPackedError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise ExportError(f"the file {path} {reason}; give one that export --format packed wrote") from error


def loaded(study: Study, found: PackedFile) -> nn.Module:
    """A study's network with the integers of a file, equal to the one that was written to the bit.

    Raises:
        ExportError: the file is of another network.
    """
    network = study.model().requires_grad_(False)
    try:
        network.load_state_dict({name: torch.tensor(array) for name, array in found.state().items()})
        stored = {id(weight): StoredWeight(_quantized(weight)) for weight in found.weights.values()}
        for name, about in found.layers.items():
            layer = network.get_submodule(name)
            if name in found.weights:
                layer.add_module(STORED, stored[id(found.weights[name])])
            if (grid := about["input"]) is not None:
                affine = _affine(
                    grid, *(found.tensors.get(f"{name}.input.{what}") for what in ("scale", "zero_point"))
                )
                attach_input(layer, FakeQuantizer(affine, ACTIVATIONS))
    except (RuntimeError, AttributeError, KeyError, TypeError) as error:
        lines = str(error).split("\n")
        raise ExportError(
            f"the file is of another network than {study.name}'s ({lines[-1].strip()})"
        ) from error
    return network.eval()


def _affine_tensors(name: str, affine: Affine) -> dict[str, Tensor]:
    found = {f"{name}.scale": affine.step.detach().contiguous().clone()}
    if affine.zero_point is not None:
        found[f"{name}.zero_point"] = affine.zero_point.detach().contiguous().clone()
    return found


def _grid(affine: Affine) -> dict[str, Any]:
    grid = affine.grid
    return {"bits": grid.bits, "qmin": grid.qmin, "qmax": grid.qmax, "axis": affine.axis}


def _affine(grid: Any, scale: np.ndarray | None, zero_point: np.ndarray | None) -> Affine:
    assert scale is not None
    zero = None if zero_point is None else torch.tensor(zero_point)
    return Affine(torch.tensor(scale), zero, Grid(grid["bits"], grid["qmin"], grid["qmax"]), grid["axis"])


def _quantized(weight: PackedWeight) -> QuantizedWeight:
    about = {"bits": weight.bits, "qmin": weight.qmin, "qmax": weight.qmax, "axis": weight.axis}
    affine = _affine(about, weight.scale, weight.zero_point)
    correction = None
    if weight.correction is not None:
        scale, offset, axis = weight.correction
        correction = Correction(torch.tensor(scale), torch.tensor(offset), axis)
    return QuantizedWeight(torch.tensor(weight.integers).to(integer_type(affine.grid)), affine, correction)


def _check_integers(network: nn.Module, found: PackedFile) -> None:
    for name, layer in quantized_layers(network).items():
        if layer.weight is not None and not np.array_equal(
            found.weights[name].integers, layer.weight.integers.cpu().numpy().astype(np.int32)
        ):
            raise ExportError(
                f"the integers of layer {name!r} were not read back as they were written; report this"
            )


def _flat(outputs: Any) -> Tensor:
    """All tensors of an output in one row."""
    leaves, _ = torch.utils._pytree.tree_flatten(outputs)
    return torch.cat([leaf.reshape(-1).double() for leaf in leaves if isinstance(leaf, Tensor)])
