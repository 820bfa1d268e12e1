"""Zip archives whose directory and entries are opened without taking more memory than they are allowed.

A directory of millions of entries would be read whole before anything can be counted, and of an LZMA or bzip2 entry
`zipfile` inflates at once whatever a read of the file returns: so every read of the file below is bounded.
"""

import io
import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

MOST_ENTRIES = 100_000
_MOST_AT_ONCE = 2**24  # bytes, of a directory above all
_PIECE = 2**12  # bytes, of which LZMA makes up to about 30 million

# What zipfile and the decompressors raise for an archive that is damaged, encrypted or compressed in an unknown way.
DAMAGED = (
    ValueError, OSError, EOFError, NotImplementedError, RuntimeError, MemoryError, OverflowError,
    zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip


class _Bounded(io.FileIO):
    """A file of which no more is read at once than a directory of an archive may take."""

    def read(self, size: int | None = -1, /) -> bytes:
        rest = max(0, os.fstat(self.fileno()).st_size - self.tell())
        wanted = rest if size is None or size < 0 else min(size, rest)
        if wanted > _MOST_AT_ONCE:
            raise zipfile.BadZipFile("its directory is too large")
        return super().read(wanted) or b""


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """An archive to read.

    Raises:
        DAMAGED: it is no archive, or has too large a directory.
    """
    with _Bounded(path) as stream, zipfile.ZipFile(stream) as archive:
        if len(archive.filelist) > MOST_ENTRIES:
            raise zipfile.BadZipFile(f"it has more than {MOST_ENTRIES:,} entries")
        yield archive


class Pieces(io.RawIOBase):
    """An entry that is read in pieces, so that little is inflated ahead."""

    def __init__(self, entry: IO[bytes]) -> None:
        self._entry = entry

    def read(self, size: int = -1, /) -> bytes:
        return self._entry.read(_PIECE if size < 0 else min(size, _PIECE))
