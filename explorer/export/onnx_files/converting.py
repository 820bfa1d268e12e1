"""PyTorch's own exporter, applied to a network with markers."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from typing import Any

import onnx_ir as ir
import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from explorer.errors import ExportError
from explorer.export.onnx_files.carriers import OPSETS
from explorer.studies import Study


def of_study(network: nn.Module, study: Study) -> ir.Model:
    """A network with samples of its study as the example; see `converted`."""
    ragged = study.data.ragged
    return converted(network, study.data.inputs("test", slice(0, 1 if ragged else 2)), ragged=ragged)


def converted(network: nn.Module, example: Any, *, ragged: bool) -> ir.Model:
    """A network as an ONNX graph; the number of samples is free, of ragged samples every other size too.

    Args:
        example: inputs of two samples, or of one if they are ragged.

    Raises:
        ExportError: the exporter does not know an operator, or the network depends on its inputs.
    """
    batch = torch.export.Dim("batch", min=1)

    def free(x: Tensor) -> dict[int, Any]:
        if ragged:
            return dict.fromkeys(range(1, x.ndim), torch.export.Dim.AUTO)
        return {0: batch}

    shapes = pytree.tree_map(free, example)
    plain = isinstance(example, Tensor)
    try:
        with _quietly():
            program = torch.onnx.export(
                network,
                (example, {}),  # the exporter takes a dict at the end for arguments by name
                dynamo=True,
                opset_version=OPSETS["int8"],
                optimize=True,
                verbose=False,
                dynamic_shapes=(shapes,),
                input_names=["input"] if plain else None,
                output_names=["output"] if plain else None,
            )
    except Exception as error:  # the exporter raises of many kinds, and a person's forward any
        raise ExportError(
            f"the network cannot be written as ONNX ({_first(error)}); use the format packed"
        ) from error
    assert program is not None
    model: ir.Model = program.model
    return model


def _first(error: BaseException) -> str:
    """The root of an error, which the exporter wraps several times."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


@contextlib.contextmanager
def _quietly() -> Any:
    """Keep what the exporter prints and warns of from a person's terminal."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
