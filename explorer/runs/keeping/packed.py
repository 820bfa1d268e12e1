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
    made = path.with_name(f".{path.name}.tmp")
    try:
        with zipfile.ZipFile(made, "w", zipfile.ZIP_LZMA) as archive:
            for each in sorted(folder.rglob("*")):
                if each.is_file():
                    entry = zipfile.ZipInfo(each.relative_to(folder).as_posix(), (1980, 1, 1, 0, 0, 0))
                    archive.writestr(entry, each.read_bytes(), compress_type=zipfile.ZIP_LZMA)
        files.write(path, made.read_bytes())
    finally:
        made.unlink(missing_ok=True)


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
