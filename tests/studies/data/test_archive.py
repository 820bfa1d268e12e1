"""An npz file is measured before it is inflated: a hostile one takes no more memory than it says, or is refused."""

import io
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.errors import StudyError
from explorer.studies.data import archive
from explorer.studies.data.archive import read_npz


def npy(array: np.ndarray, *, pickled: bool = False) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, array, allow_pickle=pickled)
    return content.getvalue()


def header(text: str, data: bytes = b"") -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode() + data


def write(path: Path, *, method: int = zipfile.ZIP_DEFLATED, **entries: bytes) -> Path:
    """An archive with these entries beside small honest ones."""
    images = npy(np.zeros((3, 2, 2, 1), np.uint8))
    honest = {"test_images.npy": images, "test_labels.npy": npy(np.arange(3))}
    with zipfile.ZipFile(path, "w", method) as made:
        for name, content in {**honest, **{f"{key}.npy": value for key, value in entries.items()}}.items():
            made.writestr(name, content)
    return path


def refusal(path: Path) -> tuple[str, int]:
    """The sentence, and the most memory that Python and NumPy took for it."""
    tracemalloc.start()
    try:
        with pytest.raises(StudyError) as caught:
            read_npz(path)
        return str(caught.value), tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_arrays_come_back_however_they_are_compressed(tmp_path: Path, method: int) -> None:
    wanted = np.arange(200_000, dtype=np.int64)
    fortran = np.asfortranarray(np.arange(24, dtype=np.uint8).reshape(2, 3, 4, 1))
    names = np.array(["a", "ä"])
    path = write(
        tmp_path / "d.npz",
        method=method,
        train_labels=npy(wanted),
        train_images=npy(fortran),
        classes=npy(names),
    )
    found = read_npz(path)
    assert np.array_equal(found["train_labels"], wanted)
    assert np.array_equal(found["train_images"], fortran)
    assert found["classes"].tolist() == ["a", "ä"]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_what_no_study_has_is_never_inflated(tmp_path: Path, method: int) -> None:
    path = write(tmp_path / "d.npz", method=method, something=bytes(50_000_000))
    tracemalloc.start()
    found = read_npz(path)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert set(found) == {"test_images", "test_labels"}
    assert most < 10_000_000


def _bomb(rows: int) -> bytes:
    return header(f"{{'descr': '|u1', 'fortran_order': False, 'shape': ({rows},), }}\n", bytes(rows))


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_bomb_is_refused_for_what_it_claims(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: int
) -> None:
    path = write(tmp_path / "d.npz", method=method, train_images=_bomb(400_000_000))
    monkeypatch.setattr(archive, "_NEVER_SUSPECT", 10_000_000)
    said, most = refusal(path)
    assert "claims arrays of 400 MB" in said
    assert most < 100_000_000
    monkeypatch.setenv("EXPLORER_MAX_DATA", "3e7")
    assert "at most 30 MB are read; set EXPLORER_MAX_DATA" in refusal(path)[0]


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_an_entry_that_inflates_to_more_than_it_says(tmp_path: Path, method: int) -> None:
    """The directory claims a few bytes of it: what comes after them is neither kept nor inflated ahead."""
    path = write(tmp_path / "d.npz", method=method, train_images=_bomb(300_000_000))
    claimed = header("{'descr': '|u1', 'fortran_order': False, 'shape': (300000000,), }\n")
    content = path.read_bytes().replace(
        struct.pack("<I", 300_000_000 + len(claimed)), struct.pack("<I", 1000)
    )
    path.write_bytes(content)
    said, most = refusal(path)
    assert "is not an npz file" in said
    assert most < 100_000_000


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (header("{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999,), }\n"), "another size"),
        (header("{'descr': '|u1', 'fortran_order': False, 'shape': (-3,), }\n"), "test_images"),
        (header("{'descr': '<U999999999', 'fortran_order': False, 'shape': (9,), }\n"), "test_images"),
        (header("{'descr': '|O', 'fortran_order': False, 'shape': (3,), }\n"), "holds Python objects"),
        (
            header("{'descr': [('a', 'u1')], 'fortran_order': False, 'shape': (3,), }\n", b"abc"),
            "save plain numbers",
        ),
        (header("[" * 5000), "does not begin like an array"),
        (header("9" * 9000), "does not begin like an array"),
        (header("{'descr': '|u1', 'shape': (3,), " + " " * 60_000), "does not begin like an array"),
        (npy(np.array([{"a": 1}]), pickled=True), "holds Python objects"),
        (b"", "does not begin like an array"),
        (b"\x93NUMPY\x09\x00", "does not begin like an array"),
    ],
)
def test_a_header_that_claims_nonsense(tmp_path: Path, content: bytes, said: str) -> None:
    message, most = refusal(write(tmp_path / "d.npz", test_images=content))
    assert said in message
    assert "pickle" not in message
    assert most < 20_000_000


def _truncated(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _flipped(content: bytes) -> bytes:
    at = content.index(b"\x93NUMPY") + 130  # within the first array
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_truncated, "it is damaged, or no archive"),
        (_flipped, "it is damaged, or no archive"),
        (lambda content: b"", "it is empty"),
        (lambda content: b"<!doctype html><html>" * 50, "begins like a web page"),
        (lambda content: b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        (lambda content: b"some words\n", "it is text"),
        (lambda content: npy(np.arange(3)), "no archive that numpy.savez writes"),
    ],
)
def test_a_file_that_is_something_else(tmp_path: Path, change: Callable[[bytes], bytes], said: str) -> None:
    path = write(tmp_path / "d.npz", method=zipfile.ZIP_STORED)
    path.write_bytes(change(path.read_bytes()))
    message, _ = refusal(path)
    assert said in message
    assert "pickle" not in message


def test_a_directory_without_an_end_is_not_read(tmp_path: Path) -> None:
    path = write(tmp_path / "d.npz")
    content = bytearray(path.read_bytes()) + bytes(20)
    end = content.rindex(b"PK\x05\x06")
    content[end + 12 : end + 16] = struct.pack("<I", 2**31)
    path.write_bytes(content)
    assert "it is damaged" in refusal(path)[0]


def test_a_compression_that_cannot_be_bounded_is_refused(tmp_path: Path) -> None:
    """Four kilobytes of bzip2 may become a gigabyte before the first byte of it can be read."""
    path = write(tmp_path / "d.npz", method=zipfile.ZIP_BZIP2)
    assert "compressed in another way" in refusal(path)[0]


@pytest.mark.parametrize("named", ["much", "nan", "inf", "-1", "0", "1e99"])
def test_a_limit_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("EXPLORER_MAX_DATA", named)
    assert "give a number of bytes" in refusal(write(tmp_path / "d.npz"))[0]


def test_names_of_other_arrays_are_listed(tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", images=np.zeros(3), labels=np.zeros(3))
    message: Any = refusal(tmp_path / "d.npz")[0]
    assert "has no array test_images; it has images, labels" in message
