"""The usual accidents of a download are told from the first bytes."""

from pathlib import Path

import numpy as np
import pytest

from explorer.reading import instead


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (bytes(600), "zeros"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:ab\n", "pointer of Git LFS"),
        (b"\n <!DOCTYPE HTML><html>", "web page"),
        (b"hello, world\n" * 100, "is text"),
        ("ä".encode() * 600, "is text"),
        (b"PK\x03\x04rest", None),
        (b"\x80\x02}q\x00", None),
    ],
)
def test_what_a_file_is(tmp_path: Path, content: bytes, said: str | None) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    found = instead(path)
    assert found is None if said is None else said in str(found)


def test_an_archive_is_nothing_else(tmp_path: Path) -> None:
    np.savez(tmp_path / "data.npz", a=np.arange(3))
    assert instead(tmp_path / "data.npz") is None
