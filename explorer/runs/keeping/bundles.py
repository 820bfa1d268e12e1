"""Bundles: finished runs in one place, to be taken into another store.

The folder, or a file it is `packed` in, holds ``runs.json``, with what the store's tables hold of each run, and
``artifacts/`` with the files that the runs kept, named by their SHA-256. A run is taken in as it is, under the identity
it had: whoever asks its question finds it, as if it had been computed here, and it says where it came from.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, or_, select

from explorer import files
from explorer.errors import RunError
from explorer.reading.documents import parse_json
from explorer.reading.regular import Kind, read_text
from explorer.runs import rows
from explorer.runs.artifacts import ArtifactFolder, ArtifactStore
from explorer.runs.database import Conflict, Database
from explorer.runs.keeping import checkpoints, references
from explorer.runs.keeping import packed as packing
from explorer.runs.schema import artifacts as kept
from explorer.runs.schema import points, runs
from explorer.runs.spec import RunSpec

RUNS = "runs.json"
ARTIFACTS = "artifacts"
_BUNDLE = Kind("the bundle of runs", 50_000_000, RunError, "name another", mend="write it again")
_TAKEN = ("title", "parts", "provenance", "result", "peak_memory", "created", "started", "finished")

Packed = Mapping[str, Any]
"""One run of a bundle: its spec and what `_TAKEN` names, ``points`` by series, ``artifacts`` by name."""


class Bundles:
    """Bundles of one store."""

    def __init__(self, database: Database, artifacts: ArtifactStore) -> None:
        self._database = database
        self._artifacts = artifacts

    def write(self, run_ids: Sequence[str], folder: Path, *, without: Collection[str] = ()) -> None:
        """Write finished runs into a folder, in place of an earlier bundle.

        Args:
            without: names of files that are left out.

        Raises:
            RunError: one of them is not done, or a file of it is missing or damaged.
            OSError: the folder cannot be written.
        """
        with self._database.reading() as connection:
            packed = [_pack(connection, run_id, without) for run_id in run_ids]
        _write(packed, self._artifacts, folder)

    def adopt(self, place: Path, remark: str) -> tuple[str, ...]:
        """Take in those runs of a bundle whose questions nobody has asked here; their ids.

        Args:
            place: folder, or file of one of the project's own.
            remark: what is said of them from then on; ``{day}`` stands for the day on which a run was finished.

        Raises:
            RunError: there is no bundle, or it is damaged.
        """
        packed = read(place)
        with self._database.reading() as connection:
            new = _unknown(connection, packed)
        adopted = []
        for run in new:
            with suppress(Conflict), self._database.writing() as connection:  # somebody else may adopt it too
                adopted.append(_adopt(connection, self._artifacts, run, place, remark))
        return tuple(adopted)


def read(place: Path) -> list[Packed]:
    """The runs of a bundle, in a folder or packed in a file.

    Raises:
        RunError: there is none, or it is damaged.
    """
    path = place / RUNS
    text = packing.entry(place, RUNS).decode() if place.is_file() else read_text(path, _BUNDLE)
    content = parse_json(text, _BUNDLE, of=f" {path}")
    wanted = {"spec", "points", "artifacts", *_TAKEN}
    if not isinstance(content, list) or not all(
        isinstance(run, dict) and set(run) == wanted for run in content
    ):
        raise RunError(f"{path} is not a bundle of runs; write it again.")
    return content


def kept_file(place: Path, sha256: str) -> bytes:
    """One file that the runs of a bundle kept.

    Raises:
        RunError: it is missing or damaged.
    """
    if not place.is_file():
        return ArtifactFolder(place / ARTIFACTS).get_bytes(sha256)
    data = packing.entry(place, f"{ARTIFACTS}/{sha256[:2]}/{sha256[2:]}")
    if hashlib.sha256(data).hexdigest() != sha256:
        raise RunError(f"{sha256[:12]} in {place} is damaged; install the project again")
    return data


def _pack(connection: Connection, run_id: str, without: Collection[str]) -> Packed:
    """What a bundle holds of a run; RunError unless it is done."""
    row = rows.row_of(connection, run_id)
    if row.status != "done":
        raise RunError(f"Run {run_id} is {row.status}; only a finished run can be put into a bundle.")
    mine = select(points).where(points.c.run_id == run_id).order_by(points.c.series, points.c.n)
    series: dict[str, list[str]] = {}
    for point in connection.execute(mine):
        series.setdefault(point.series, []).append(point.point)
    names = select(kept).where(kept.c.run_id == run_id, kept.c.name.not_in([*checkpoints.NAMES, *without]))
    found = {file.name: file.sha256 for file in connection.execute(names)}
    spec = rows.spec_of(row).model_dump()
    return {
        "spec": spec,
        **{name: getattr(row, name) for name in _TAKEN},
        "points": series,
        "artifacts": found,
    }


def _write(packed: Iterable[Packed], artifacts: ArtifactStore, folder: Path) -> None:
    """Write a bundle in place of an earlier one.

    Raises:
        RunError: a file of a run is missing or damaged.
        OSError: the folder cannot be written.
    """
    chosen = sorted(packed, key=lambda run: RunSpec(**run["spec"]).identity)
    folder.mkdir(parents=True, exist_ok=True)
    target = ArtifactFolder(folder / ARTIFACTS)
    for sha256 in sorted({sha256 for run in chosen for sha256 in run["artifacts"].values()}):
        target.put_bytes(artifacts.get_bytes(sha256))
    files.write(folder / RUNS, (json.dumps(chosen, indent=1) + "\n").encode())


def _unknown(connection: Connection, packed: Iterable[Packed]) -> list[Packed]:
    """Those of a bundle whose question nobody has asked here yet."""
    specs = {RunSpec(**run["spec"]): run for run in packed}
    identities, ids = [spec.identity for spec in specs], [spec.run_id for spec in specs]
    asked = select(runs.c.id, runs.c.identity).where(or_(runs.c.identity.in_(identities), runs.c.id.in_(ids)))
    there = {name for row in connection.execute(asked) for name in row}
    return [run for spec, run in specs.items() if there.isdisjoint((spec.identity, spec.run_id))]


def _adopt(connection: Connection, artifacts: ArtifactStore, packed: Packed, place: Path, remark: str) -> str:
    """Take a run into the store; its id.

    Args:
        place: of the bundle.
        remark: what is said of the run from then on, ``{day}`` standing for when it was finished.

    Raises:
        RunError: a file of it is missing or damaged.
    """
    spec = RunSpec(**packed["spec"])
    day = f"{datetime.fromtimestamp(packed['finished'], UTC):%d %B %Y}"
    connection.execute(
        insert(runs).values(
            id=spec.run_id,
            identity=spec.identity,
            kind=spec.kind,
            fingerprint=spec.fingerprint,
            **rows.located(spec, spec.study),
            **{name: packed[name] for name in _TAKEN},
            status="done",
            fraction=1.0,
            message="",
            token=0,
            remark=remark.format(day=day),
        )
    )
    content = [
        {"run_id": spec.run_id, "series": series, "n": n, "point": point}
        for series, numbered in packed["points"].items()
        for n, point in enumerate(numbered, start=1)
    ]
    if content:
        connection.execute(insert(points), content)
    for name, sha256 in packed["artifacts"].items():
        data = kept_file(place, sha256)
        artifacts.put_bytes(data)
        references.refer(connection, artifacts, spec.run_id, name, data, sha256)
    return spec.run_id
