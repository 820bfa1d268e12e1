"""Load: sessions that click while a run is at work, reruns of one session, and many runs asked for at once."""

import asyncio
import random
import time
from dataclasses import dataclass

from tests.reliability.serving import Server
from tests.reliability.sessions import Heard, Session, opened

THINKING = (0.5, 2.5)  # seconds between two clicks of a person in a hurry


@dataclass(frozen=True)
class Load:
    """What sessions saw and what the server used.

    Attributes:
        reruns, polls: seconds of each whole rerun and of each poll of a fragment, all sessions together.
        cores: cores the server used on average.
        memory: resident bytes of the server before and after.
    """

    sessions: int
    seconds: float
    reruns: tuple[float, ...]
    polls: tuple[float, ...]
    errors: tuple[str, ...]
    cores: float
    memory: tuple[int, int]


def click(server: Server, *, sessions: int, seconds: float, seed: int) -> Load:
    """Let so many sessions click for so long, each on its own."""
    asyncio.run(draw_again(server.url, 7))  # the first one waits for what the server imports and loads once
    before, used, started = server.memory(), server.cpu(), time.monotonic()
    heard = asyncio.run(_all(server.url, sessions, seconds, seed))
    took = time.monotonic() - started
    return Load(
        sessions,
        took,
        tuple(each for one in heard for each in one.reruns),
        tuple(each for one in heard for each in one.polls),
        tuple(each for one in heard for each in one.errors),
        (server.cpu() - used) / took,
        (before, server.memory()),
    )


async def draw_again(url: str, times: int) -> tuple[float, ...]:
    """Draw the pages of one session again and again; the seconds of each rerun."""
    async with opened(url) as session:
        pages = [page for page in session.pages if not page.startswith("lesson_")]  # they keep networks
        for number in range(times):
            await session.go(pages[number % len(pages)])
        return tuple(session.heard.reruns)


def share(values: tuple[float, ...], of: float) -> float:
    """The value that this share of the values does not exceed."""
    ordered = sorted(values)
    return ordered[min(int(of * len(ordered)), len(ordered) - 1)]


async def _all(url: str, sessions: int, seconds: float, seed: int) -> list[Heard]:
    until = time.monotonic() + seconds
    draws = [random.Random(f"{seed} session {number}") for number in range(sessions)]
    return await asyncio.gather(*(_person(url, until, draw) for draw in draws))


async def _person(url: str, until: float, draw: random.Random) -> Heard:
    await asyncio.sleep(draw.uniform(0, 3))
    async with opened(url) as session:
        try:
            while time.monotonic() < until:
                await asyncio.sleep(draw.uniform(*THINKING))
                await _click(session, draw)
        except TimeoutError:
            session.heard.errors.append("no answer")
        return session.heard


async def _click(session: Session, draw: random.Random) -> None:
    if draw.random() < 0.4:
        await session.go(draw.choice(list(session.pages)))
    else:
        await session.choose(draw)
