"""Files and folders that are there whole or not at all: written under another name, flushed to the disk, renamed."""

import io
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


def write(path: Path, data: bytes, *, mode: int = 0o666) -> None:
    """Write a file, replacing an earlier one of that name.

    Args:
        mode: permissions before the process's mask is taken off.

    Raises:
        OSError: it cannot be written; nothing is left behind, and an earlier file is as it was.
    """
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the new name itself survives a power cut
    finally:
        os.close(folder)


def archive(entries: Iterable[tuple[str, bytes]]) -> bytes:
    """A zip archive, LZMA-compressed and without times: the same bytes for the same entries."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as packed:
        for name, data in entries:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            packed.writestr(entry, data, compress_type=zipfile.ZIP_LZMA)
    return made.getvalue()


def is_taken(path: Path) -> bool:
    """Whether there is something at a path that is not an empty folder.

    Raises:
        OSError, ValueError: it cannot be looked at.
    """
    return os.path.lexists(path) and (not path.is_dir() or any(path.iterdir()))


def check_free(folder: Path, refusal: type[Exception]) -> None:
    """Refuse a folder that cannot be made, before anything is computed for it.

    Raises:
        Exception: of the type ``refusal``; there is something already, or it cannot be looked into.
    """
    try:
        taken = is_taken(folder)
    except (OSError, ValueError) as error:
        raise refusal(f"the folder {folder} cannot be looked into; name another") from error
    if taken:
        raise refusal(f"there is something at {folder} already; name another folder")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder beside, to be filled in the block, that is then moved to ``path``, where nothing or an empty one is.

    Where the block fails nothing is left behind.

    Raises:
        OSError: it cannot be written, or there is something at ``path``.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if path.is_dir():
            path.rmdir()
        temporary.replace(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
