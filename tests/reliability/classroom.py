"""A class on one server: ``python -m tests.reliability.classroom``; its figures are those of docs/teaching.md.

Every student has a session of their own, a lesson of the course open, and moves one of its sliders every few seconds.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from explorer.course import finding
from tests.reliability import asking
from tests.reliability.load import share
from tests.reliability.serving import serve
from tests.reliability.sessions import opened


@dataclass
class Class:
    """Seconds of opening a lesson and of each answer to a slider, and what went wrong."""

    opening: list[float] = field(default_factory=list)
    answers: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


async def attend(url: str, lessons: list[str], *, students: int, seconds: float, pause: float) -> Class:
    """Let a class work; the lessons go round among the students."""
    held = Class()
    until = time.monotonic() + seconds
    await asyncio.gather(
        *(_student(held, url, lessons[n % len(lessons)], until, pause, n) for n in range(students))
    )
    return held


async def _student(held: Class, url: str, lesson: str, until: float, pause: float, number: int) -> None:
    draw = random.Random(number)
    await asyncio.sleep(draw.uniform(0, pause))
    async with opened(url) as session:
        try:
            held.opening.append(await session.go(lesson))
            await session.read_on()
            while time.monotonic() < until:
                await asyncio.sleep(pause * draw.uniform(0.6, 1.4))
                held.answers.append(await session.slide(draw))
        except TimeoutError:
            held.errors.append(f"{lesson}: no answer")
        held.errors += session.heard.errors


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=180)
    parser.add_argument("--pause", type=float, default=5, help="seconds between two moves of a student")
    parser.add_argument("--lesson", type=int, help="all are in one lesson; by default in all of them")
    options = parser.parse_args()
    lessons = [each.page for number, each in finding.lessons().items() if options.lesson in (None, number)]
    with tempfile.TemporaryDirectory() as folder:
        study = asking.write_study(Path(folder) / "learnable").reference
        with serve(Path(folder) / "home", study, Path(folder) / "log", EXPLORER_SHIPPED="yes") as server:
            asyncio.run(
                attend(server.url, lessons, students=len(lessons), seconds=20, pause=2)
            )  # sets them up
            used, started = server.cpu(), time.monotonic()
            found = asyncio.run(
                attend(
                    server.url,
                    lessons,
                    students=options.students,
                    seconds=options.seconds,
                    pause=options.pause,
                )
            )
            cores = (server.cpu() - used) / (time.monotonic() - started)
            tracebacks = server.tracebacks()
    told = {
        "students": options.students,
        "lessons": len(lessons),
        "moves": len(found.answers),
        **{
            f"{name} {words}": round(share(tuple(times), of), 2)
            for name, times in (("opening", found.opening), ("answer", found.answers))
            for words, of in (("median", 0.5), ("p95", 0.95), ("longest", 1.0))
        },
        "errors": sorted(set(found.errors)),
        "tracebacks": tracebacks,
        "cores": round(cores, 2),
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main()
