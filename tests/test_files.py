"""A file is there whole or not at all."""

import os
import stat
from pathlib import Path

import pytest

from explorer import files


def test_a_file_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for data in (b"first", b"second"):
        files.write(path, data)
        assert path.read_bytes() == data
        assert os.listdir(tmp_path) == ["a.json"]


def test_a_disk_that_fills_up_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    files.write(path, b"first")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(path, b"second")
    assert path.read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["a.json"]


def test_permissions_are_those_asked_for_less_the_mask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        for mode, kept in ((0o666, 0o640), (0o600, 0o600)):
            files.write(tmp_path / "a", b"", mode=mode)
            assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == kept
    finally:
        os.umask(before)


def test_a_folder_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """What fails on its way can be asked for again."""

    def fail() -> None:
        with files.new_folder(tmp_path / "deep" / "a") as made:
            (made / "first").write_bytes(b"1")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        fail()
    assert os.listdir(tmp_path / "deep") == []
    (tmp_path / "deep" / "a").mkdir()
    assert not files.is_taken(tmp_path / "deep" / "a"), "an empty folder is replaced"
    with files.new_folder(tmp_path / "deep" / "a") as made:
        (made / "first").write_bytes(b"1")
    assert files.is_taken(tmp_path / "deep" / "a")
    assert os.listdir(tmp_path / "deep") == ["a"]
    assert (tmp_path / "deep" / "a" / "first").read_bytes() == b"1"
