"""Checkpoints: the last two that a run recorded, so that one remains when the other is damaged.

A row holds the record of each, and the run refers to the tensors of each under a name of its own.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Row, delete, insert, select

from explorer.runs.artifacts import ArtifactStore
from explorer.runs.keeping import references
from explorer.runs.plain import decode, encode
from explorer.runs.schema import artifacts, points

NEWEST, BEFORE = NAMES = ("checkpoint", "checkpoint_before")  # columns, and names among the run's artifacts


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
    mark: str = ""  # tells it from every other, so that it is not recorded twice


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


def all_of(row: Row[Any]) -> tuple[Saved | None, ...]:
    """A row's checkpoints, the newest first; None for one whose record is damaged."""
    return tuple(decoded(text) for text in (row.checkpoint, row.checkpoint_before) if text is not None)


def newest_of(row: Row[Any]) -> Saved | None:
    """The newest of a row's checkpoints whose record is whole."""
    return next((saved for saved in all_of(row) if saved is not None), None)


def progress(saved: Saved | None) -> dict[str, Any]:
    """A row's values for a run that is as far as its checkpoint, or at its start."""
    return (
        {"fraction": 0.0, "message": ""}
        if saved is None
        else {"fraction": saved.fraction, "message": saved.message}
    )


def pushed(
    connection: Connection, place: ArtifactStore, row: Row[Any], saved: Saved, data: bytes
) -> tuple[dict[str, Any], set[str]]:
    """Let a new checkpoint be the newest, whose data were put; the row's values, and the hashes let go."""
    before = decoded(row.checkpoint)
    released = references.refer(connection, place, row.id, NEWEST, data, saved.sha256)
    released |= references.forget(connection, row.id, BEFORE)
    if before is None:
        return {NEWEST: encoded(saved), BEFORE: None}, released - {saved.sha256}
    connection.execute(insert(artifacts).values(run_id=row.id, name=BEFORE, sha256=before.sha256))
    return {NEWEST: encoded(saved), BEFORE: row.checkpoint}, released - {saved.sha256, before.sha256}


def returned(connection: Connection, row: Row[Any], saved: Saved | None) -> tuple[dict[str, Any], set[str]]:
    """Let an earlier checkpoint be all there is, or nothing at all; the row's values, and the hashes let go."""
    cut_points(connection, row.id, {} if saved is None else saved.lengths)
    if saved is None:
        return {NEWEST: None, BEFORE: None} | progress(None), references.forget(connection, row.id)
    released = references.forget(connection, row.id, *NAMES)
    connection.execute(insert(artifacts).values(run_id=row.id, name=NEWEST, sha256=saved.sha256))
    return {NEWEST: encoded(saved), BEFORE: None} | progress(saved), released - {saved.sha256}


def cut_points(connection: Connection, run_id: str, lengths: Mapping[str, int]) -> None:
    """Drop the points beyond these lengths of the series, since they will be recorded again."""
    series_of_run = select(points.c.series).where(points.c.run_id == run_id).distinct()
    for series in connection.scalars(series_of_run).all():
        beyond = (points.c.series == series, points.c.n > lengths.get(series, 0))
        connection.execute(delete(points).where(points.c.run_id == run_id, *beyond))
