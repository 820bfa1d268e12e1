"""The runs of an archive, checked before a store takes them: each field, each result, each file that they name."""

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from explorer import files
from explorer.errors import RunError
from explorer.jobs import registry
from explorer.jobs.sharing.contents import RUNS, Contents, Sha256
from explorer.runs.keeping import bundles
from explorer.runs.plain import decode
from explorer.runs.provenance import Provenance
from explorer.runs.spec import RunSpec

_Text = Annotated[str, Field(max_length=50_000_000)]
_Moment = Annotated[float, Field(ge=0, le=1e11, allow_inf_nan=False)]
_Short = Annotated[str, Field(min_length=1, max_length=200)]

# What a class of results raises that was given something else than what its own `to_json` wrote.
_NOT_A_RESULT = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError, RecursionError)


class PackedRun(BaseModel):
    """One run of a bundle, as the store's tables hold it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    spec: RunSpec
    title: Annotated[str, Field(max_length=2000)]
    parts: _Text | None
    provenance: _Text | None
    result: _Text
    peak_memory: Annotated[int, Field(ge=0, le=2**62)] | None
    created: _Moment
    started: _Moment | None
    finished: _Moment
    points: dict[_Short, list[_Text]]
    artifacts: dict[_Short, Sha256]

    @property
    def study_parts(self) -> dict[str, str] | None:
        """What the fingerprint of the study was made of, if that was recorded."""
        return None if self.parts is None else decode(self.parts)


def check(folder: Path, contents: Contents) -> list[PackedRun]:
    """The runs of an unpacked bundle.

    Raises:
        RunError: one is not readable, of an unknown kind or of another study, or names a file that the archive lacks.
    """
    found = [_checked(run, number, contents) for number, run in enumerate(bundles.read(folder), start=1)]
    if len({run.spec.identity for run in found}) < len(found):
        raise RunError("the archive has one run twice; ask for it again")
    named = {hashed for run in found for hashed in run.artifacts.values()}
    kept = f"{RUNS}/{bundles.ARTIFACTS}/"
    there = {name.removeprefix(kept).replace("/", "") for name in contents.files if name.startswith(kept)}
    if missing := sorted(named - there):
        raise RunError(f"the archive lacks the file {missing[0][:12]} of a run; ask for it again")
    return found


def place(folder: Path, reference: str) -> None:
    """Write into a bundle where its study is now."""
    content = [{**run, "spec": {**run["spec"], "study": reference}} for run in bundles.read(folder)]
    files.write(folder / bundles.RUNS, json.dumps(content).encode())


def _checked(packed: bundles.Packed, number: int, contents: Contents) -> PackedRun:
    try:
        run = PackedRun.model_validate(packed)
    except (ValidationError, RunError) as error:
        raise RunError(
            f"run {number} of the archive cannot be read ({_first(error)}); ask for it again"
        ) from error
    if run.spec.fingerprint != contents.fingerprint:
        raise RunError(
            f"run {number} of the archive is of another study than {contents.study}; ask for it again"
        )
    registry.kind(run.spec.kind)
    _readable(run, number)
    return run


def _readable(run: PackedRun, number: int) -> None:
    """Make sure that the texts of a run hold what its kind writes."""
    try:
        registry.question(run.spec)
        content = decode(run.result)
        registry.result(run.spec.kind, content)
        if run.provenance is not None:
            Provenance.from_json(decode(run.provenance))
        parts = run.study_parts
        texts = parts is None or all(isinstance(each, str) for pair in parts.items() for each in pair)
        numbered = all(isinstance(decode(point), dict) for of in run.points.values() for point in of)
    except _NOT_A_RESULT as error:
        raise RunError(
            f"run {number} of the archive ({run.spec.kind}) has no readable result; ask for it again, or use the "
            "version of this project that made it"
        ) from error
    if not texts or not numbered:
        raise RunError(f"run {number} of the archive ({run.spec.kind}) is damaged; ask for it again")


def _first(error: ValidationError | RunError) -> str:
    if isinstance(error, RunError):
        return str(error)
    problem: Any = error.errors()[0]
    return f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg'].lower()}"
