"""Where a loaded study came from: its files, hashed, and whether they are still what was read."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple


class Stamp(NamedTuple):
    """A file as it was found; another stamp means that it was written since."""

    path: Path
    changed: int
    size: int


@dataclass(frozen=True)
class Origin:
    """Files of a study.

    Attributes:
        code: source file of the network or the loss to the SHA-256 of what was run; empty for a study made in Python.
        files: weights and data by name to the SHA-256 of the file.
        stamps: of every file that was read.
    """

    code: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    stamps: tuple[Stamp, ...] = ()

    @property
    def unchanged(self) -> bool:
        """Whether no file was written, moved or removed since it was read."""
        return all(stamp(each.path) == each for each in self.stamps)


def stamp(path: Path) -> Stamp:
    """The file as it is now; one that is not there has a stamp too."""
    try:
        found = path.stat()
    except (OSError, ValueError):  # the latter for a name with a NUL in it
        return Stamp(path, 0, -1)
    return Stamp(path, found.st_mtime_ns, found.st_size)
