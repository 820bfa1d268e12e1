"""Sweeping: what kills, crashes and deletions leave behind in a store's folder, removed once nobody can need it.

Nothing younger than an hour is touched: a file is put before its run refers to it.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from explorer.runs.artifacts import ArtifactFolder, ArtifactStore
from explorer.runs.database import Database
from explorer.runs.keeping import references
from explorer.runs.schema import runs

YOUNG = 3600.0  # seconds
QUARANTINED = 30 * 86_400.0  # seconds that damaged files are kept for a person to look at
EVERY = 86_400.0  # seconds between two sweeps by themselves
_STAMP = "swept"
_AT_ONCE = 50  # files looked at in one transaction, so that no worker waits long


@dataclass(frozen=True)
class Swept:
    """What a sweep removed: how many of each."""

    temporary: int = 0
    artifacts: int = 0
    folders: int = 0
    logs: int = 0
    quarantined: int = 0

    @property
    def total(self) -> int:
        """Everything together."""
        return self.temporary + self.artifacts + self.folders + self.logs + self.quarantined


def is_due(home: Path) -> bool:
    """Whether the last sweep was a day ago; who is told so is the only one, and a new store is swept tomorrow."""
    stamp = home / _STAMP
    new = not stamp.exists()
    if not new and time.time() - stamp.stat().st_mtime < EVERY:
        return False
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    stamp.touch(mode=0o600)
    return not new


def sweep(home: Path, database: Database, place: ArtifactStore) -> Swept:
    """Remove what no run needs from a store's folder."""
    oldest = time.time() - YOUNG
    # Before anything is removed from them, which makes them young.
    emptied = list(_older(place.folder.glob("??"), oldest)) if isinstance(place, ArtifactFolder) else []
    temporary = _removed(_older(home.glob(".*.tmp"), oldest)) + _removed(
        _older(home.glob("*/.*.tmp"), oldest)
    )
    orphans = folders = quarantined = 0
    if isinstance(place, ArtifactFolder):
        temporary += _removed(_older(place.folder.glob("*/.*.tmp"), oldest))
        files = [path.parent.name + path.name for path in _older(place.folder.glob("??/" + "?" * 62), oldest)]
        for first in range(0, len(files), _AT_ONCE):
            some = files[first : first + _AT_ONCE]
            references.sweep(database, place, some)
            orphans += sum(not place.path(sha256).exists() for sha256 in some)
        folders = sum(_is_removed_if_empty(folder) for folder in emptied)
        quarantined = _removed(_older(place.quarantine.glob("*"), time.time() - QUARANTINED))
    written = list(_older((home / "logs").glob("*"), oldest))
    with database.reading() as connection:  # after the look at the logs: a run's row is there before its log
        known = set(connection.scalars(select(runs.c.id)))
    logs = _removed(path for path in written if path.name.split(".")[0] not in known)
    return Swept(temporary, orphans, folders, logs, quarantined)


def _older(paths: Iterable[Path], moment: float) -> Iterator[Path]:
    for path in paths:
        try:
            if path.lstat().st_mtime < moment:
                yield path
        except FileNotFoundError:  # someone else sweeps too
            continue


def _removed(paths: Iterable[Path]) -> int:
    count = 0
    for path in paths:
        if path.is_file() or path.is_symlink():
            path.unlink(missing_ok=True)
            count += 1
    return count


def _is_removed_if_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # something is in it
        return False
    return True
