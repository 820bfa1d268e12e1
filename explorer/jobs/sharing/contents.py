"""What an archive holds: a zip file of regular files, listed with their hashes in ``archive.json``.

``study/`` is the folder of a study of one's own, ``runs/`` a bundle (`runs.keeping.bundles`). Of a built-in study there
is nothing but its name. The list is complete: a file that is not on it, or one that is missing, makes the archive
invalid.
"""

import re
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from explorer.errors import RunError
from explorer.reading import Kind

LIST = "archive.json"
STUDY, RUNS, TOML = "study", "runs", "study.toml"
MOST_FILES = 20_000
MOST_BYTES = 4 * 2**30  # of all files together, unpacked
NEVER_SUSPECT, MOST_RATIO = (
    2**27,
    100,
)  # bytes that any archive may unpack to; of a larger one, to its own size
DATA = frozenset({".toml", ".npz", ".safetensors", ".pt", ".pth", ".th", ".json"})
"""Endings of what is read as data and never run; whatever ends otherwise counts as code."""

PACKED = frozenset({"npz"})
"""Kinds of data that are one file, and so can be packed."""

FILE = Kind("the archive", MOST_BYTES, RunError, "name a file that bundle wrote", mend="ask for it again")
LISTED = Kind("the list of the archive", 20_000_000, RunError, "", mend="ask for it again")
_PART = re.compile(r"[^\x00-\x1f\x7f\\/:*?\"<>|]{1,200}")
_DEEPEST = 12

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Listed(_Strict):
    """One file: hash and size."""

    sha256: Sha256
    bytes: int = Field(ge=0, le=MOST_BYTES)


class Contents(_Strict):
    """The content of archive.json.

    Attributes:
        study: its name.
        built_in: whether it comes with the project, so that its files are not in the archive.
        fingerprint: of the study when it was packed; that of every run.
        files: path in the archive to hash and size; all but the list itself.
    """

    format: Literal["explorer-archive"] = "explorer-archive"
    version: Literal[1] = 1
    study: str = Field(min_length=1, max_length=80)
    built_in: bool
    fingerprint: Sha256
    files: dict[str, Listed] = Field(max_length=MOST_FILES)


def is_plain(name: str) -> bool:
    """Whether a name is a path below the archive's own folder on every system, and no other spelling of one.

    >>> [is_plain(name) for name in ("runs/a.json", "../a", "/a", "a//b", "C:/a", "a/./b", "a.", "con/a")]
    [True, False, False, False, False, False, False, False]
    """
    parts = name.split("/")
    return len(parts) <= _DEEPEST and all(
        _PART.fullmatch(part) and part == part.strip() and not part.endswith(".") and not _reserved(part)
        for part in parts
    )


def _reserved(part: str) -> bool:
    """Whether Windows takes a name for a device, whatever its ending."""
    stem = part.partition(".")[0].upper()
    return stem in {"CON", "PRN", "AUX", "NUL"} or bool(re.fullmatch(r"(COM|LPT)[0-9]", stem))
