"""The npz file of a study, read within limits that are checked before anything is inflated.

An npz file is a zip archive of arrays, each behind a header that says its type and shape. Only the arrays that a study
knows are read, and of those the directory and the headers first: what they claim must agree, must be plain numbers or
names, must not be absurdly more than the file holds, and all together at most `most_bytes`. So an honest file takes
the memory of its arrays, and a hostile one no more than that.
"""

import io
import math
import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from explorer import reading
from explorer.errors import StudyError
from explorer.reading.regular import size
from explorer.reading.zipped import DAMAGED, Pieces, open_zip

KEYS = ("train_images", "train_labels", "test_images", "test_labels", "classes")
REQUIRED = ("test_images", "test_labels")
_FILE = reading.Kind("the data file", 8 * 2**30, StudyError, "write it, or correct [data] path")
_MOST_BYTES = 2 * 2**30
_NEVER_SUSPECT = 2**28  # bytes that a file may inflate to, whatever its own size
_MOST_RATIO = 100  # of what a larger one inflates to, to its own size
_MOST_HEADER = 10_000  # bytes; NumPy's own limit
_PLAIN = "biufUS"
_METHODS = (
    zipfile.ZIP_STORED,
    zipfile.ZIP_DEFLATED,
    zipfile.ZIP_LZMA,
)  # of bzip2, 4 kB may become a gigabyte


def most_bytes() -> int:
    """What all arrays of a study may take together: the number of bytes in ``EXPLORER_MAX_DATA``, or 2 GiB.

    Raises:
        StudyError: EXPLORER_MAX_DATA is no number of bytes.
    """
    named = os.environ.get("EXPLORER_MAX_DATA")
    if not named:
        return _MOST_BYTES
    try:
        most = float(named)
        if 1 <= most < 1e15:
            return int(most)
    except ValueError:
        pass
    raise StudyError(f"EXPLORER_MAX_DATA is {named!r}; give a number of bytes, such as 8e9, or unset it")


def read_npz(
    path: Path, names: Sequence[str] = KEYS, required: Sequence[str] = REQUIRED
) -> dict[str, np.ndarray]:
    """The known arrays of an npz file, without ever unpickling.

    Args:
        names: of the arrays to read where they are there.
        required: those that must be there.

    Raises:
        StudyError: the file is missing, is not an npz file, holds pickled objects, or claims too much.
    """
    reading.checked(path, _FILE)
    try:
        with open_zip(path) as archive:
            entries = {name: entry for name in names if (entry := _entry(archive, f"{name}.npy"))}
            for name in required:
                if name not in entries:
                    there = ", ".join(sorted(each.removesuffix(".npy") for each in archive.namelist()[:6]))
                    raise StudyError(f"{path.name} has no array {name}; it has {there or 'none'}")
            _check_claims(path, {name: _claimed(archive, entry, name) for name, entry in entries.items()})
            return {name: _read(archive, entry) for name, entry in entries.items()}
    except _Wrong as error:
        raise StudyError(f"the data file {path} is not an npz file of plain arrays: {error}") from error
    except DAMAGED as error:
        described = reading.instead(path)
        reason = (
            "it is damaged, or no archive that numpy.savez writes" if described is None else f"it {described}"
        )
        raise StudyError(f"the data file {path} is not an npz file of plain arrays: {reason}") from error


class _Wrong(Exception):
    """What is wrong with an entry."""


def _entry(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo | None:
    return archive.NameToInfo.get(name)


def _claimed(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> int:
    """Bytes of an entry, which its header agrees with."""
    if entry.compress_type not in _METHODS:
        raise _Wrong(f"{name} is compressed in another way than numpy.savez_compressed does")
    with archive.open(entry) as stream:
        start = Pieces(stream)
        opening = io.BytesIO(b"".join(start.read() for _ in range(3)))
    try:
        version = np.lib.format.read_magic(opening)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, _, dtype = read(opening, max_header_size=_MOST_HEADER)
    except Exception as error:  # the header is a literal of Python, whose parser raises a dozen kinds
        raise _Wrong(f"{name} does not begin like an array, or is damaged") from error
    if dtype.kind not in _PLAIN:
        raise _Wrong(f"{name} holds {'Python objects' if dtype.hasobject else dtype}; save plain numbers")
    count = math.prod(shape)
    if opening.tell() + count * dtype.itemsize != entry.file_size:
        raise _Wrong(f"{name} claims another size than its entry has")
    return entry.file_size


def _check_claims(path: Path, claimed: Mapping[str, int]) -> None:
    total, stored, most = sum(claimed.values()), path.stat().st_size, most_bytes()
    if total > most:
        raise StudyError(
            f"the arrays in {path} take {size(total)} and at most {size(most)} are read; set EXPLORER_MAX_DATA to more "
            "bytes if they are yours"
        )
    if total > max(_NEVER_SUSPECT, _MOST_RATIO * stored):
        raise StudyError(
            f"the data file {path} has {size(stored)} and claims arrays of {size(total)}; save it again without "
            "compression if it is yours"
        )


def _read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> np.ndarray:
    bounded = entry.compress_type != zipfile.ZIP_LZMA
    with archive.open(entry) as stream:
        source = stream if bounded else Pieces(stream)
        found: np.ndarray = np.lib.format.read_array(source, allow_pickle=False, max_header_size=_MOST_HEADER)
    return found
