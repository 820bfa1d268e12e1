"""A store is its owner's: folders that nobody else can enter, files that nobody else can read."""

import os
import stat
import threading
from pathlib import Path

FOLDER, FILE = 0o700, 0o600
_INSIDE = ("artifacts", "logs", "plans", "quarantine")
_making = threading.Lock()  # whoever finds a file made finds it closed, too


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, all private; OSError where that is not possible."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(FOLDER, exist_ok=True)


def make_file(path: Path) -> None:
    """Make an empty private file, if there is none.

    One that is there is not opened: closing it would drop every lock that this process holds on it (POSIX), SQLite's
    among them, and another process could then take the write-ahead log away under an open store.
    """
    with _making:
        try:
            made = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, FILE)
        except FileExistsError:
            return
        os.close(made)


def narrow_store(home: Path) -> None:
    """Take from others what earlier versions, or a careless copy, let them read of a store in this folder."""
    if (home / "runs.db").exists() and home not in (Path.home(), Path(home.anchor)):
        _narrow(home)
    for name in _INSIDE:
        _narrow(home / name)
    for folder in (home / "logs", home / "plans"):
        for path in folder.glob("*"):
            _narrow(path)


def narrow_database(path: Path) -> None:
    """Take a SQLite file, and those beside it that belong to it, from others."""
    for suffix in ("", "-wal", "-shm"):
        _narrow(path.with_name(path.name + suffix))


def _narrow(path: Path) -> None:
    try:
        found = path.lstat()
    except OSError:  # not there, or gone meanwhile
        return
    mine = os.name == "posix" and found.st_uid == os.geteuid()
    plain = stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)
    if mine and plain and found.st_mode & 0o077 and not found.st_mode & stat.S_ISVTX:
        path.chmod(stat.S_IMODE(found.st_mode) & 0o700)
