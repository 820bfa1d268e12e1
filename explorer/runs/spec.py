"""What is to be computed, and its identity.

A spec names everything that decides the result: the kind of computation, the fingerprint of the study's weights,
data and loss, the parameters, the seed, and the version of the algorithm. Its identity is the SHA-256 of their
canonical JSON, so the same question asked twice is one run. How a run is carried out is no part of it: neither the
place the study is loaded from, which a worker needs and which may change, nor the machine or the device. Dropping
default values, so that a new option keeps old runs findable, is up to whoever makes the spec.
"""

import hashlib
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, JsonValue, field_validator

from explorer.runs.plain import canonical, plain

ID_LENGTH = 12


class RunSpec(BaseModel):
    """One computation, frozen.

    Attributes:
        kind: of computation, a name of the registry.
        study: the locator, what the study is loaded by; not part of the identity.
        fingerprint: of the study.
        parameters: plain data without NaN or infinities.
        seed: of every random draw.
        version: of the algorithm; grows when its numbers change.
    """

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
        return canonical(self.model_dump(exclude={"study"}), "spec")

    @property
    def identity(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.canonical_json.encode("ascii")).hexdigest()

    @property
    def run_id(self) -> str:
        """The id that a new run of this spec gets: the first 12 digits of its identity.

        A run recorded before identities were those of contents keeps the id it had: `Store.find` finds both.
        """
        return self.identity[:ID_LENGTH]

    def asks_the_same(self, other: "RunSpec") -> bool:
        """Whether one run answers both."""
        return self.canonical_json == other.canonical_json

    def __hash__(self) -> int:
        return hash(self.canonical_json)
