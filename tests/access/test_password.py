"""The shared password: which files are taken, and how often one may guess."""

from pathlib import Path

import pytest

from explorer.access import password
from explorer.access.password import TRIES, TRIES_OF_ALL, WINDOW, Attempts
from explorer.errors import AccessError


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"short\n", "fewer than 12"),
        (b"", "fewer than 12"),
        (b"two lines of it\nand more\n", "one line"),
        (b"x" * 2000, "one line"),
        (b"\xff\xfe" * 20, "UTF-8"),
    ],
)
def test_a_file_without_a_password_is_a_sentence(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "password"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(AccessError, match=words):
        password.read(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_can_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "password"
    path.write_text("correct horse battery\n")
    path.chmod(mode)
    with pytest.raises(AccessError, match="chmod 600"):
        password.read(path)


def test_the_line_end_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_bytes(b" correct horse battery \r\n")
    path.chmod(0o600)
    assert password.read(path) == " correct horse battery "


def test_a_file_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(AccessError, match="nowhere"):
        password.read(tmp_path / "nowhere")


def test_who_guesses_waits_and_others_do_not() -> None:
    attempts = Attempts()
    for second in range(TRIES):
        assert attempts.wait("a", second) == 0
        attempts.failed("a", second)
    assert attempts.wait("a", TRIES) == WINDOW - TRIES
    assert attempts.wait("b", TRIES) == 0
    assert attempts.wait("a", WINDOW) == 0


def test_a_thousand_addresses_guess_no_more_than_the_limit_of_all() -> None:
    attempts = Attempts()
    tried = 0
    for client in range(1000):
        if attempts.wait(str(client), 1.0) == 0:
            attempts.failed(str(client), 1.0)
            tried += 1
    assert tried == TRIES_OF_ALL
