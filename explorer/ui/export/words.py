"""Formats, flavours and carriers in plain words: what each is good for."""

from collections.abc import Mapping
from typing import Any

FORMATS: Mapping[str, tuple[str, str]] = {
    "onnx": ("ONNX", "Runs: ONNX Runtime, OpenVINO and others."),
    "packed": ("Packed", "The smallest, for every plan; NumPy reads it."),
    "qonnx": ("QONNX", "Says every width: for FINN and hls4ml."),
    "aimet": ("AIMET", "For Qualcomm's tools; few widths."),
}
FLAVOURS: Mapping[str, tuple[str, str]] = {
    "integer": (
        "Integer",
        "Integers throughout, which is what is fast: int32 biases, residual sums in 8 bits.",
    ),
    "faithful": ("Faithful", "The plan and no more, biases in floating point: for other tools."),
}
CARRIERS: Mapping[str, tuple[str, str]] = {
    "int8": ("A byte each", "A byte a weight: every runtime since 2024 reads it."),
    "packed": ("Own width", "The bytes that the plan promised: ONNX Runtime 1.25 or newer."),
}
WHY = (
    "What runs is another network than the plan's: batch norms are folded into the scales of the weights, biases become "
    "whole numbers in units of their products, and residual sums are quantized to 8 bits."
)
NOT_FASTER = (
    "Fewer than 8 bits buy size, not speed: on a CPU every width up to 8 runs as bytes. What makes a file fast is that "
    "everything is an integer."
)


def check(found: Mapping[str, Any]) -> str:
    """What a check found, in a line."""
    return ", ".join(f"{name.replace('_', ' ')} {_value(name, value)}" for name, value in found.items())


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.1%}" if name in ("same", "value", "stderr") else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
