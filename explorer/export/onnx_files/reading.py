"""Reading an ONNX export back: its integers, put together by the reference implementation of ONNX and not by us."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from explorer.errors import ExportError

MOST_BYTES = 2_000_000_000  # what one protobuf may weigh


def opened(path: Path) -> onnx.ModelProto:
    """A file as ONNX's own library reads and checks it.

    Raises:
        ExportError: it cannot be read, or is no valid ONNX.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ExportError(f"the file {path} is larger than ONNX allows; give another")
        model = onnx.load_model_from_string(path.read_bytes())
        onnx.checker.check_model(model)
    except OSError as error:
        raise ExportError(f"the file {path} cannot be read ({error.strerror}); give an ONNX file") from error
    except ExportError:
        raise
    except Exception as error:  # protobuf's and the checker's errors have no common class
        raise ExportError(f"the file {path} is no valid ONNX ({str(error)[:120]}); give another") from error
    return model


def integers(model: onnx.ModelProto, name: str) -> np.ndarray:
    """The value called ``name``, computed from initializers alone, int32."""
    for initializer in model.graph.initializer:
        if initializer.name == name:
            return onnx.numpy_helper.to_array(initializer).astype(np.int32)
    makers = {output: node for node in model.graph.node for output in node.output}
    nodes: list[onnx.NodeProto] = []
    waiting, seen = [name], set()
    while waiting:
        node = makers.get(wanted := waiting.pop())
        if node is not None and wanted not in seen:
            seen.add(wanted)
            nodes.append(node)
            waiting += node.input
    needed = {each for node in nodes for each in node.input}
    constants = [each for each in model.graph.initializer if each.name in needed]
    order = {id(node): place for place, node in enumerate(model.graph.node)}
    nodes.sort(key=lambda node: order[id(node)])
    output = onnx.helper.make_tensor_value_info(name, onnx.TensorProto.UNDEFINED, None)
    graph = onnx.helper.make_graph(nodes, "integers", [], [output], constants)
    part = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    (found,) = ReferenceEvaluator(part).run(None, {})
    return np.asarray(found).astype(np.int32)


def weight_bytes(model: onnx.ModelProto, names: Sequence[str]) -> int:
    """Bytes of the initializers with these names."""
    wanted = set(names)
    return sum(len(each.raw_data) for each in model.graph.initializer if each.name in wanted)
