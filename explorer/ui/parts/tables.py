"""Tables for people: data frames and how their columns are written."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
import streamlit as st

from explorer.blocks import Block
from explorer.figures.plans.plan import BlockBar
from explorer.plans import Frontier
from explorer.studies import AnyStudy
from explorer.ui.shell.plain import plain

BLOCK_COLUMNS: Mapping[str, Any] = {
    "weights": st.column_config.NumberColumn("weights, n", format="localized"),
    "share": st.column_config.ProgressColumn("share of size", format="percent", min_value=0.0),
    "MACs": st.column_config.NumberColumn(
        "MACs per sample", format="compact", help="Multiply-accumulates for one sample."
    ),
}
TRACE_COLUMNS: Mapping[str, Any] = {
    "mean_trace": st.column_config.NumberColumn("mean trace, Tr(H)/n", format="%.4e"),
    "mean_stderr": st.column_config.NumberColumn("± standard error", format="%.1e"),
    "relative": st.column_config.NumberColumn("relative error", format="percent"),
    "n": st.column_config.NumberColumn("n", format="localized", help="How many weights or activations."),
    "samples": st.column_config.NumberColumn("samples drawn", format="localized"),
}


def of_blocks(blocks: Sequence[Block]) -> pd.DataFrame:
    """One row a block: kind, shape, weights, share of the size, MACs."""
    total = sum(block.weights for block in blocks)
    rows = [
        {
            "block": block.name,
            "kind": block.kind,
            "shape": " + ".join("×".join(str(s) for s in layer.shape) for layer in block.layers) or "–",
            "weights": block.weights,
            "share": block.weights / total,
            "MACs": block.macs,
        }
        for block in blocks
    ]
    return pd.DataFrame(rows)


def of_traces(blocks: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row a block: mean trace, its standard error, what it was made of."""
    rows = [
        {
            "block": block["name"],
            "n": block["n"],
            "mean_trace": block["mean_trace"],
            "mean_stderr": block["stderr"] / block["n"],
            "relative": block["stderr"] / abs(block["trace"]) if block["trace"] else None,
            "samples": block["samples"],
        }
        for block in blocks
    ]
    return pd.DataFrame(rows)


def of_plan(bars: Sequence[BlockBar]) -> pd.DataFrame:
    """One row a block: its bits and the size of its packed weights."""
    return pd.DataFrame(
        [{"block": b.name, "w_bits": b.w_bits, "a_bits": b.a_bits, "bytes": b.size_bytes} for b in bars]
    )


def of_frontier(frontier: Frontier) -> pd.DataFrame:
    """One row a plan of the frontier: cost, Ω with its standard error, and the weight bits of every block."""
    table = frontier.problem.cost
    numbers = {
        f"{table.name} ({table.unit})": frontier.cost,
        "omega": frontier.omega,
        "omega_stderr": frontier.stderr(),
    }
    return pd.DataFrame(numbers).join(pd.DataFrame(frontier.bits, columns=list(frontier.blocks)))


def of_layers(points: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row an epoch and layer: what a training method told of it."""
    return pd.DataFrame(
        [
            {"epoch": point["epoch"], "layer": layer, **numbers}
            for point in points
            for layer, numbers in point["layers"].items()
        ]
    )


def of_curves(curves: Mapping[str, Sequence[Mapping[str, Any]]]) -> pd.DataFrame:
    """One row a point of a training's curves, which are named in the first column."""
    return pd.DataFrame([{"curve": name, **point} for name, points in curves.items() for point in points])


def card_text(study: AnyStudy) -> str:
    """The study's card as Markdown."""
    lines = [f"- **{plain(str(key))}**: {plain(str(value))}" for key, value in study.card.facts.items()]
    lines += [f"- **source**: {plain(study.card.source)}", f"- **licence**: {plain(study.card.licence)}"]
    return "\n".join([*lines, f"- **weights**: SHA-256 `{study.weights_sha256[:16]}…`"])
