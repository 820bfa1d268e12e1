"""The manifest beside an export: what the files are and were made of, what was checked, what they cannot say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

NAME = "manifest.json"


@dataclass(frozen=True)
class Manifest:
    """What is written to manifest.json.

    Attributes:
        format: name of the format.
        options: that were chosen.
        study: name, and the hashes of its weights and its data.
        run: of the training; "" without one.
        plan: plan.json's content.
        files: name to ``sha256`` and ``bytes``.
        weight_bytes: of the quantized weights in the file.
        promised_bytes: what the plan says they weigh.
        checks: what was checked by reading the file back, by name.
        remarks: sentences, what differs from the plan and what the format could not say.
        versions: of what wrote it.
    """

    format: str
    options: Mapping[str, Any]
    study: Mapping[str, str]
    run: str
    plan: Mapping[str, Any]
    files: Mapping[str, Mapping[str, Any]]
    weight_bytes: int
    promised_bytes: int
    checks: Mapping[str, Mapping[str, Any]]
    remarks: tuple[str, ...]
    versions: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"version": 1, **asdict(self), "remarks": list(self.remarks)}
