"""What is to be computed, and its identity.

A spec names everything that decides the result: the kind of computation, the study with the fingerprint of
its weights and data, the parameters, the seed, and the version of the algorithm. Its identity is the SHA-256
of its canonical JSON, so the same question asked twice is one run. The reference under which the study was
loaded and its fingerprint are both part of it: a worker needs the one to load the study and the other to know
that it is still the same study. Dropping default values, so that a new option keeps old runs findable, is up
to whoever makes the spec.
"""

import hashlib
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from explorer.runs.plain import canonical, plain

ID_LENGTH = 12


class RunSpec(BaseModel):
    """One computation, frozen; ``parameters`` is plain data without NaN or infinities."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(min_length=1)
    study: str
    fingerprint: str
    parameters: dict[str, JsonValue] = {}
    seed: int = 0
    version: int = 1

    @field_validator("parameters", mode="before")
    @classmethod
    def _own_plain_copy(cls, value: Any) -> Any:
        canonical(value, "parameters")
        return plain(value, "parameters")

    @property
    def canonical_json(self) -> str:
        """The text whose hash is the identity."""
        return canonical(self.model_dump(), "spec")

    @property
    def identity(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical_json.encode("ascii")).hexdigest()

    @property
    def run_id(self) -> str:
        """The id of the run that answers this spec: the first 12 digits of its identity."""
        return self.identity[:ID_LENGTH]

    def __hash__(self) -> int:
        return hash(self.canonical_json)
