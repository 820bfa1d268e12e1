"""ONNX files in ONNX Runtime, where it is installed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from explorer.errors import ExportError


def installed() -> str | None:
    """The version of ONNX Runtime, or None where there is none."""
    try:
        return str(importlib.import_module("onnxruntime").__version__)
    except ImportError:
        return None


class Running:
    """A file in ONNX Runtime on the CPU.

    Args:
        file: where it is, or its content.
        optimised: let the runtime fuse operators; without, it computes node by node what the file says.
        exact: without VNNI, multiply bytes so that no sum of two products saturates (slower).
        threads: of one operator; None: the runtime's choice.
        optimised_to: where the runtime writes the graph it runs.
        profiled_to: how the file begins that the runtime writes its profile to, see `profile`.

    Raises:
        ExportError: there is no ONNX Runtime, or it cannot run the file.
    """

    def __init__(
        self,
        file: Path | bytes,
        *,
        optimised: bool = True,
        exact: bool = False,
        threads: int | None = None,
        optimised_to: Path | None = None,
        profiled_to: Path | None = None,
    ) -> None:
        if installed() is None:
            raise ExportError("ONNX Runtime is not here; install it with `pip install onnxruntime`")
        runtime: Any = importlib.import_module("onnxruntime")
        options = runtime.SessionOptions()
        options.log_severity_level = 4
        levels = runtime.GraphOptimizationLevel
        options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimised else levels.ORT_DISABLE_ALL
        if exact:
            options.add_session_config_entry("session.x64quantprecision", "1")
        if threads is not None:
            options.intra_op_num_threads = threads
        if optimised_to is not None:
            options.optimized_model_filepath = str(optimised_to)
        if profiled_to is not None:
            options.enable_profiling = True
            options.profile_file_prefix = str(profiled_to)
        try:
            data = file if isinstance(file, bytes) else file.read_bytes()
            self._session = runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        except OSError as error:
            raise ExportError(
                f"the file {file!s} cannot be read ({error.strerror}); give an ONNX file"
            ) from error
        except Exception as error:  # the runtime's own errors have no common class
            name = "the file" if isinstance(file, bytes) else file
            raise ExportError(f"ONNX Runtime cannot run {name} ({str(error)[:120]})") from error
        self.inputs = [each.name for each in self._session.get_inputs()]

    def profile(self) -> str:
        """End the profile and write it; the file's name."""
        return str(self._session.end_profiling())

    def __call__(self, inputs: Any) -> Any:
        """Outputs for a batch: a tensor where the network gives one, else a list of them."""
        leaves = pytree.tree_leaves(inputs)
        fed = {name: _array(leaf) for name, leaf in zip(self.inputs, leaves, strict=True)}
        try:
            found = [torch.from_numpy(each) for each in self._session.run(None, fed)]
        except Exception as error:  # as above
            raise ExportError(f"ONNX Runtime cannot compute these inputs ({str(error)[:120]})") from error
        return found[0] if len(found) == 1 else found


def _array(leaf: Any) -> np.ndarray:
    return leaf.detach().cpu().numpy() if isinstance(leaf, Tensor) else np.asarray(leaf)
