"""Editing an exported graph: putting something in a marker's place, and tidying up behind it."""

from __future__ import annotations

from collections.abc import Mapping

import onnx_ir as ir


def replace(graph: ir.Graph, node: ir.Node, new: ir.Value) -> None:
    """Let everything that reads a node's first output read ``new``, and take the node away."""
    old = node.outputs[0]
    if new.shape is None:
        new.shape, new.type = old.shape, old.type
    for place, output in enumerate(graph.outputs):
        if output is old:
            graph.outputs[place] = new
    ir.convenience.replace_all_uses_with(old, new)
    graph.remove(node, safe=True)


def tidy(model: ir.Model, opsets: Mapping[str, int], ir_version: int) -> None:
    """Take away what nothing reads, and what tells of the computer that exported.

    Args:
        opsets: domain to version, of those that the graph uses.
    """
    graph = model.graph
    for node in reversed(list(graph)):
        if not any(output.uses() or output.is_graph_output() for output in node.outputs):
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses() and not value.is_graph_output():
            del graph.initializers[name]
    for node in graph.all_nodes():
        node.metadata_props.clear()
        for output in node.outputs:
            output.metadata_props.clear()
    for value in (*graph.inputs, *graph.initializers.values()):
        value.metadata_props.clear()
    graph.metadata_props.clear()
    model.metadata_props.clear()
    model.functions.clear()
    model.opset_imports.clear()
    model.opset_imports.update(opsets)
    model.ir_version = ir_version
