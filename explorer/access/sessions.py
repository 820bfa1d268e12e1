"""Who is logged in by the guard's form: a random token each, kept by the server until it ends."""

import asyncio
import secrets
import time
import unicodedata
from dataclasses import dataclass, field

from explorer.access.persons import Person

LASTS = 7 * 24 * 3600.0  # seconds
MOST = 1000


@dataclass(frozen=True)
class Session:
    """One browser that was let in; ``ended`` is set when it logs out."""

    person: Person
    expires: float
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class Sessions:
    """The sessions of one server; a restart ends them all."""

    def __init__(self) -> None:
        self._open: dict[str, Session] = {}
        self._reserved: set[str] = set()

    def begin(self, person: Person) -> str:
        """Let somebody in; the token by which they are known."""
        token = secrets.token_urlsafe(32)
        for old in [each for each in self._open if self.find(each) is None]:
            self.end(old)
        while len(self._open) >= MOST:
            self.end(next(iter(self._open)))
        self._open[token] = Session(person, time.monotonic() + LASTS)
        return token

    def find(self, token: str) -> Session | None:
        """The session of a token; None if there is none any more. Any thread may ask."""
        found = self._open.get(token)
        return None if found is None or found.expires < time.monotonic() else found

    def reserve(self, name: str) -> bool:
        """Give a name to one person until the server ends; False if it is somebody's, or `MOST` names are given.

        It stays theirs when they log out: else another could come back as them, and stop what they left at work.
        """
        alike = _alike(name)
        if alike in self._reserved or len(self._reserved) >= MOST:
            return False
        self._reserved.add(alike)
        return True

    def end(self, token: str) -> None:
        """Log out; pages that are open in this session lose their connection."""
        session = self._open.pop(token, None)
        if session is not None:
            session.ended.set()


def _alike(name: str) -> str:
    """What two names share that a person would take for one."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return "".join(each for each in folded if each.isprintable() and not each.isspace())
