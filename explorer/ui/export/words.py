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
    if found.keys() >= {"layers", "equal"}:
        return f"{found['layers']} layers, {'all equal' if found['equal'] else 'not all equal'}"
    if found.keys() >= {"samples", "same", "largest"}:
        return _compared(found)
    if found.keys() >= {"value", "stderr"}:
        return f"{100 * found['value']:.2f} ± {100 * found['stderr']:.2f} %"
    return ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in found.items())


def _compared(found: Mapping[str, Any]) -> str:
    same = f"{found['same']:.1%} agree within 0.001, largest difference {found['largest']:.3g}"
    if "flips" not in found:
        return f"of {found['samples']:,} samples {same}"
    of = f"{found['tokens']:,} tokens" if "tokens" in found else f"{found['samples']:,}"
    return f"{found['flips']:,} of {of} have another largest output; {same}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)
