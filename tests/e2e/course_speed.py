"""How soon the course answers in a browser: ``python -m tests.e2e.course_speed``; it writes docs/course-speed.md.

Every lesson is opened several times by its address, each time by a browser that keeps nothing, from a server on which
it was open before; a bare page of Streamlit's in turn with it, so that what else the machine does meets both. Then its
sliders are clicked at random places, one after the other: an answer ends with the last change of a picture, a number or
a sentence of that experiment. Nothing else should run on the machine; where something does, the ratios still hold.

Figures of each lesson are kept as soon as they are there (``--keep``); one lesson can be measured anew (``--only``).
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from explorer.course import finding
from explorer.course.controls import Slider
from explorer.course.parts import Lesson
from tests.e2e.conftest import PATIENCE, serve, settle, still
from tests.e2e.speed import LOADS, chromium, opened
from tests.reliability import machine

MOVES, _TRIES = 20, 12
END = ".st-key-lesson_end"  # the last thing of a lesson
OUT = Path(__file__).resolve().parents[2] / "docs" / "course-speed.md"

# From pressing the mouse to the last change of what an experiment shows, then a quarter of a second of rest.
_STOPWATCH = """name => {
  const shown = document.querySelector(`.st-key-picture_${name}`);
  let pressed = null, last = null;
  window.answered = null;
  document.addEventListener('pointerdown', () => { pressed = performance.now(); }, {once: true, capture: true});
  const observer = new MutationObserver(() => { if (pressed !== null) last = performance.now(); });
  observer.observe(shown, {childList: true, characterData: true, subtree: true, attributes: true,
    attributeFilter: ['d', 'x', 'y', 'width', 'height', 'transform', 'points']});
  const look = () => {
    const rests = document.querySelector('[data-testid="stApp"]').dataset.testScriptState === 'notRunning';
    const since = performance.now() - (last ?? pressed ?? Infinity);
    if (rests && since > (last === null ? 3000 : 250)) {
      observer.disconnect();
      window.answered = last === null ? -1 : last - pressed;
    } else requestAnimationFrame(look);
  };
  look();
}"""


def times_of(
    browser: Browser, url: str, bare: str, lesson: Lesson, loads: int
) -> dict[str, tuple[float, ...]]:
    """Milliseconds of a lesson, each time.

    From its address to a first screen at rest and to its last part, those of the bare page in turn with it, and of the
    answers of its sliders.
    """
    address = f"{url}/{lesson.page}"
    _whole(browser, address)[0].close()  # sets it up
    opens, wholes, alone = [], [], []
    for number in range(loads):
        page, moments = opened(browser, bare)
        page.close()
        alone.append(moments[-1])
        page, first, whole = _whole(browser, address)
        opens.append(first)
        wholes.append(whole)
        if number + 1 < loads:
            page.close()
    draw = random.Random(lesson.number)
    sliders = [
        (f"lesson{lesson.number}_{experiment.key}", f"lesson{lesson.number}_{control.name}")
        for experiment in lesson.experiments
        for control in experiment.settled()
        if isinstance(control, Slider)
    ]
    places = sorted(number % len(sliders) for number in range(MOVES))
    answers = tuple(_answer(page, *sliders[place], draw) for place in places)
    page.close()
    return {"opens": tuple(opens), "whole": tuple(wholes), "bare": tuple(alone), "answers": answers}


def _whole(browser: Browser, address: str) -> tuple[Page, float, float]:
    """A lesson that is left alone, with its milliseconds to the first screen and to the last part."""
    page, moments = opened(browser, address)
    opens = time.monotonic()
    page.locator(END).wait_for(state="attached", timeout=PATIENCE * 1000)
    whole = moments[-1] + 1000 * (time.monotonic() - opens)
    settle(page)
    return page, moments[-1], whole


def _answer(page: Page, experiment: str, slider: str, draw: random.Random) -> float:
    """Of a click at a random place that changes what is shown: some places are the one before, or look the same."""
    place = page.locator(f".st-key-{slider}").get_by_test_id("stSlider")
    thumb = place.get_by_role("slider")
    thumb.scroll_into_view_if_needed()
    still(place)
    box, at = place.bounding_box(), thumb.bounding_box()
    assert box is not None
    assert at is not None
    for _ in range(_TRIES):
        before = thumb.input_value()
        page.evaluate(_STOPWATCH, experiment)
        page.mouse.click(box["x"] + box["width"] * draw.uniform(0.02, 0.98), at["y"] + at["height"] / 2)
        page.mouse.move(box["x"] + 2, 2)
        if thumb.input_value() != before:
            page.wait_for_function("() => window.answered !== null")
            answered: float = page.evaluate("() => window.answered")
            if answered >= 0:
                return answered
    raise AssertionError(f"{_TRIES} moves of {slider} changed nothing of {experiment}")


def table(lessons: Sequence[Lesson], measured: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """A line a lesson that was measured, and above them Streamlit alone, of all its times."""
    there = [each for each in lessons if each.page in measured]
    alone = [each for lesson in there for each in measured[lesson.page]["bare"]]

    def line(lesson: Lesson) -> str:
        of = measured[lesson.page]
        opens, bare = statistics.median(of["opens"]), statistics.median(of["bare"])
        answers = of["answers"]
        return (
            f"| {lesson.number} {lesson.title} | {opens:,.0f} ms | {max(of['opens']):,.0f} ms | {opens / bare:.2f} | "
            f"{statistics.median(of['whole']) / 1000:.1f} s | {statistics.median(answers):,.0f} ms | "
            f"{max(answers):,.0f} ms | {of['load']:.1f} |"
        )

    return [
        "| | opens, median | longest | times bare | whole | answers a slider, median | longest | load |",
        "|---|---|---|---|---|---|---|---|",
        "| asked | 3 s | | | | 500 ms | | |",
        f"| Streamlit alone, a title, three bars and a table | {statistics.median(alone):,.0f} ms | "
        f"{max(alone):,.0f} ms | 1 | | | | |",
        *(line(each) for each in there),
    ]


def _page(table: list[str], loads: int, said: str) -> list[str]:
    return [
        "# How soon the course answers\n",
        "Measured by `python -m tests.e2e.course_speed` in headless Chromium at 1440 × 900, on one machine with the "
        f"server. {said}\n",
        *(f"- {line}" for line in machine.described()),
        "",
        *table,
        "",
        f"*Opens*: {loads} times, from the address to a page at rest whose first picture is drawn; the browser keeps "
        "nothing from one time to the next, the server has shown the lesson before. *Times bare*: the median, divided "
        "by that of a bare page of Streamlit's which was opened in turn with it. What is below the first experiment "
        "follows when its place is on the screen, or by itself while nobody does anything: *whole* is when the last "
        "part of the lesson is there without a hand having moved. *Answers a slider*: "
        f"{MOVES} clicks at random places of all sliders of the lesson, from pressing the mouse to the last change of "
        "a picture, a number or a sentence of the experiment. *Load*: programs that wanted a core, on average over the "
        "minute before the lesson's figures were kept; the browser and the server are one to two of them.",
    ]


def main() -> None:
    """Measure and write the page."""
    lessons = finding.lessons()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only",
        type=int,
        action="append",
        choices=[*lessons],
        help="measure this lesson, anew if it was before",
    )
    parser.add_argument("--loads", type=int, default=LOADS)
    parser.add_argument(
        "--keep", type=Path, help="where figures are kept; those that are there are not measured again"
    )
    parser.add_argument("--said", default="Nothing else ran.", help="how quiet the machine was, for the page")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, ExitStack() as held:
        folder = Path(name)
        keep: Path = options.keep or folder / "figures.json"
        measured: dict[str, Any] = json.loads(keep.read_text()) if keep.exists() else {}
        wanted = [
            lesson
            for number, lesson in lessons.items()
            if number in (options.only or ()) or (not options.only and lesson.page not in measured)
        ]
        browser = held.enter_context(chromium())
        url, bare = (_serve(held, folder / script, script) for script in ("app.py", "tests/e2e/bare.py"))
        for lesson in wanted:
            found: dict[str, Any] = {**times_of(browser, url, bare, lesson, options.loads)}
            measured[lesson.page] = {**found, "load": os.getloadavg()[0]}
            keep.write_text(json.dumps(measured))
            print(*table([lesson], measured)[-1:], flush=True)
    if all(lesson.page in measured for lesson in lessons.values()):
        text = _page(table([*lessons.values()], measured), options.loads, options.said)
        OUT.write_text("\n".join(text) + "\n", encoding="utf-8")


def _serve(held: ExitStack, folder: Path, script: str) -> str:
    folder.mkdir(parents=True)
    return held.enter_context(serve(folder, script, EXPLORER_SHIPPED="yes")).url


if __name__ == "__main__":
    main()
