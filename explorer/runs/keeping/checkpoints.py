"""The record of a checkpoint: the text that a run's row holds of it."""

from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from explorer.runs.plain import decode, encode


@dataclass(frozen=True)
class Saved:
    """What a run goes on from.

    Attributes:
        state: plain data, as the computation gave it.
        sha256: of the artifact with the tensors.
        lengths: how many points each series had; those after them are recorded again.
        fraction: how far the run was.
        message: what it was doing.
    """

    state: dict[str, Any]
    sha256: str
    lengths: dict[str, int]
    fraction: float = 0.0
    message: str = ""


_SAVED = TypeAdapter(Saved)


def encoded(saved: Saved) -> str:
    """The text for the row."""
    return encode(asdict(saved), "the checkpoint")


def decoded(text: str | None) -> Saved | None:
    """What the text in a row says; None where there is none, or none that can be understood."""
    if text is None:
        return None
    try:
        return _SAVED.validate_python(decode(text))
    except (ValidationError, ValueError, TypeError, RecursionError):
        return None
