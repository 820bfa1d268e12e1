"""The shared password: a file that only its owner reads, compared in constant time, with few tries."""

import hmac
import os
import stat
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from explorer.errors import AccessError

SHORTEST, LONGEST = 12, 1024  # characters
WINDOW = 300.0  # seconds
TRIES, TRIES_OF_ALL = 5, 60  # wrong ones within the window: from one address, and from all together


def read(path: Path) -> str:
    """The password in a file, without the line's end.

    Raises:
        AccessError: others can read the file, or it holds no password.
    """
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            content = file.read(4 * LONGEST + 2)
    except OSError as error:
        raise AccessError(f"The password file {path} cannot be read ({error.strerror}).") from error
    if os.name == "posix" and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise AccessError(f"Others can open the password file {path}; allow only yourself: chmod 600 {path}")
    try:
        password = content.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise AccessError(f"The password file {path} is no text in UTF-8.") from error
    if "\n" in password or len(password) > LONGEST:
        raise AccessError(f"The password file {path} must hold one line of at most {LONGEST} characters.")
    if len(password) < SHORTEST:
        raise AccessError(
            f"The password in {path} has fewer than {SHORTEST} characters; choose a longer one."
        )
    return password


def matches(given: str, password: str) -> bool:
    """Whether a password is the right one, in a time that says nothing about it."""
    return hmac.compare_digest(given.encode(errors="replace"), password.encode())


@dataclass
class Attempts:
    """Wrong passwords of late; who gave too many has to wait, and so has everybody when there are too many in all."""

    _wrong: deque[tuple[float, str]] = field(default_factory=deque)

    def wait(self, client: str, now: float | None = None) -> float:
        """Seconds until this address may try again; 0 if it may."""
        now = self._forget(now)
        theirs = [when for when, who in self._wrong if who == client]
        limits = ((theirs, TRIES), ([when for when, _ in self._wrong], TRIES_OF_ALL))
        return max((when[-most] + WINDOW - now for when, most in limits if len(when) >= most), default=0.0)

    def failed(self, client: str, now: float | None = None) -> None:
        """Remember a wrong password."""
        self._wrong.append((self._forget(now), client))

    def _forget(self, now: float | None) -> float:
        now = time.monotonic() if now is None else now
        while self._wrong and self._wrong[0][0] <= now - WINDOW:
            self._wrong.popleft()
        return now
