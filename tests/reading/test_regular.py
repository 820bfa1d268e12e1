"""A path that a person gives leads to a regular file of bounded size, or is refused in one sentence."""

import os
from pathlib import Path

import pytest

from explorer.errors import PlanError
from explorer.reading import Kind, read_bytes, read_text

KIND = Kind("the plan", 1000, PlanError, "name another")


def refusal(path: Path) -> str:
    with pytest.raises(PlanError) as caught:
        read_text(path, KIND)
    message = str(caught.value)
    assert len(message) <= 300
    assert "\n" not in message
    return message


def test_as_many_bytes_as_are_allowed_are_read(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(b"\xef\xbb\xbf" + 997 * b"x")
    assert len(read_bytes(path, KIND)) == 1000
    assert read_text(path, KIND) == 997 * "x", "without the mark of the order of bytes"
    path.write_bytes(1001 * b"x")
    assert "larger than 1 kB; name another" in refusal(path)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there are no devices here")
def test_what_never_ends_is_not_begun(tmp_path: Path) -> None:
    """Reading /dev/zero takes all memory, and opening a pipe without a writer waits for ever."""
    assert "is no regular file" in refusal(Path("/dev/zero"))
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert "is no regular file" in refusal(pipe)


def test_a_folder(tmp_path: Path) -> None:
    assert "it is a folder" in refusal(tmp_path)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x" * 10_000, "cannot be read (File name too long)"),
        ("x/" * 5_000, "cannot be read (File name too long)"),
        ("a\0b", "a name cannot hold a NUL"),
        ("nowhere", "does not exist"),
        ("\x1b[1mred\x1b[0m", "plan red does not exist"),
        ("line\nbreak", "plan line break does not exist"),
    ],
)
def test_a_name_that_no_file_has(name: str, said: str) -> None:
    assert said in refusal(Path(name))


def test_what_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_bytes(b"\xff\xfe")
    assert "is not text in UTF-8" in refusal(tmp_path / "plan.json")
