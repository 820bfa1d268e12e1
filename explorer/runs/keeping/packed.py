"""A bundle in one file: `bundles` as a zip archive whose entries are LZMA-compressed, for results that are shipped.

Half as large as the folder. Only files that come with the project are read so, never one that somebody sent.
"""

import zipfile
from pathlib import Path

from explorer import files
from explorer.errors import RunError

_LATER = "install the project again"


def pack(folder: Path, path: Path) -> None:
    """Write a bundle's folder as one file; the same bytes for the same runs.

    Raises:
        OSError: it cannot be written.
    """
    found = (each for each in sorted(folder.rglob("*")) if each.is_file())
    files.write(
        path, files.archive((each.relative_to(folder).as_posix(), each.read_bytes()) for each in found)
    )


def entry(path: Path, name: str) -> bytes:
    """One file of a packed bundle.

    Raises:
        RunError: it is not there, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise RunError(f"{name} of {path} cannot be read; {_LATER}") from error
