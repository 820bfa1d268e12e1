"""Records of exports: what is kept of a file beside its bytes, and how fast it ran."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from explorer.export.latency import EXPORTED, Latency
from explorer.plans import PlanValue


@dataclass(frozen=True)
class ExportRecord:
    """A finished export.

    Attributes:
        manifest: content of manifest.json.
        own: value of the quantized network itself on the test split.
        deployed: value there of what integer arithmetic makes of it; None where a layer cannot be computed in integers.
        refused: why not.
        artifact: SHA-256 of the files' bytes, each a tensor of uint8 under its name.
    """

    manifest: Mapping[str, Any]
    own: PlanValue
    deployed: PlanValue | None
    refused: str
    artifact: str

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "manifest": dict(self.manifest),
            "own": self.own.to_json(),
            "deployed": None if self.deployed is None else self.deployed.to_json(),
            "refused": self.refused,
            "artifact": self.artifact,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ExportRecord:
        """The inverse of ``to_json``."""
        deployed = content["deployed"]
        return cls(
            content["manifest"],
            PlanValue.from_json(content["own"]),
            None if deployed is None else PlanValue.from_json(deployed),
            content["refused"],
            content["artifact"],
        )

    @property
    def value(self) -> PlanValue:
        """What it is worth where it runs, as well as that is known."""
        return self.own if self.deployed is None else self.deployed


@dataclass(frozen=True)
class LatencyRecord:
    """Latencies of a file and of what it is compared with, at every batch size.

    Attributes:
        latencies: of the file, of FP32 in ONNX Runtime and in PyTorch.
        processor: what they were measured on.
        threads: of an operator.
    """

    latencies: tuple[Latency, ...]
    processor: str
    threads: int

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self) | {"latencies": [each.to_json() for each in self.latencies]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> LatencyRecord:
        """The inverse of ``to_json``."""
        found = tuple(Latency(**each) for each in content["latencies"])
        return cls(found, content["processor"], content["threads"])

    def of(self, batch: int, what: str = EXPORTED) -> Latency:
        """One network at one batch size; KeyError where it was not measured."""
        for each in self.latencies:
            if each.what == what and each.batch == batch:
                return each
        raise KeyError((what, batch))
