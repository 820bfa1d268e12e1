"""How soon the course answers in a browser: ``python -m tests.e2e.course_speed``; it writes docs/course-speed.md.

Every lesson is opened several times by its address, each time by a browser that keeps nothing, from a server on which
it was open before. Then its sliders are clicked at random places, one after the other: an answer ends with the last
change of a picture, a number or a sentence of that experiment. Nothing else should run on the machine.
"""

import argparse
import json
import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import Browser, Page

from explorer.course import finding
from explorer.course.controls import Slider
from explorer.course.parts import Lesson
from tests.e2e.conftest import VIEWPORT, App, serve, settle, still
from tests.e2e.speed import LOADS, Row, chromium, first_pages, of_streamlit
from tests.reliability import machine

MOVES = 20
OUT = Path(__file__).resolve().parents[2] / "docs" / "course-speed.md"

# From pressing the mouse to the last change of what an experiment shows, after which half a second brings no other.
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
    if (last !== null && rests && performance.now() - last > 500) {
      observer.disconnect();
      window.answered = last - pressed;
    } else requestAnimationFrame(look);
  };
  look();
}"""


def opening(browser: Browser, app: App, lesson: Lesson, times: int) -> Row:
    """From opening a lesson's address to a page at rest, its first picture drawn."""
    return Row("opens", first_pages(browser, f"{app.url}/{lesson.page}", times)[-1], "3 s")


def sliding(page: Page, app: App, lesson: Lesson, moves: int) -> Row:
    """Milliseconds of the answers to clicks on the sliders of a lesson, each in turn."""
    page.goto(f"{app.url}/{lesson.page}")
    page.get_by_role("heading", name=f"{lesson.number} {lesson.title}", exact=True).wait_for()
    settle(page)
    draw = random.Random(lesson.number)
    sliders = [
        (f"lesson{lesson.number}_{experiment.key}", control)
        for experiment in lesson.experiments
        for control in experiment.settled()
        if isinstance(control, Slider)
    ]
    return Row(
        "answers a slider",
        tuple(
            _answer(page, experiment, f"lesson{lesson.number}_{control.name}", draw)
            for experiment, control in (sliders[number % len(sliders)] for number in range(moves))
        ),
        "500 ms",
    )


def _answer(page: Page, experiment: str, slider: str, draw: random.Random) -> float:
    place = page.locator(f".st-key-{slider}").get_by_test_id("stSlider")
    thumb = place.get_by_role("slider")
    thumb.scroll_into_view_if_needed()
    still(place)
    box, before = place.bounding_box(), thumb.input_value()
    at, seen = thumb.bounding_box(), None
    assert box is not None
    assert at is not None
    height = at["y"] + at["height"] / 2
    while seen in (None, before):
        page.evaluate(_STOPWATCH, experiment)
        page.mouse.click(box["x"] + box["width"] * draw.uniform(0.02, 0.98), height)
        page.mouse.move(box["x"] + 2, 2)
        seen = thumb.input_value()
    page.wait_for_function("() => window.answered !== null")
    answered: float = page.evaluate("() => window.answered")
    return answered


def table(rows: Sequence[tuple[Lesson, Row, Row]], alone: Row) -> list[str]:
    """The table of all lessons, and above them Streamlit alone."""

    def cells(row: Row) -> str:
        return f"{row.middle:,.0f} ms | {max(row.times):,.0f} ms"

    return [
        "| | opens, median | longest | answers a slider, median | longest |",
        "|---|---|---|---|---|",
        f"| asked | 3 s{' |' * 2} 500 ms{' |' * 2}",
        f"| {alone.what} | {cells(alone)} | | |",
        *(
            f"| {lesson.number} {lesson.title} | {cells(opens)} | {cells(answers)} |"
            for lesson, opens, answers in rows
        ),
    ]


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lesson", type=int, action="append", help="only this one, and nothing is written")
    parser.add_argument("--loads", type=int, default=LOADS)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    lessons = [
        each for number, each in finding.lessons().items() if number in (options.lesson or finding.lessons())
    ]
    rows = []
    with tempfile.TemporaryDirectory() as name, chromium() as browser:
        folder = Path(name)
        alone = of_streamlit(browser, folder / "bare")
        (folder / "app").mkdir()
        with serve(folder / "app", EXPLORER_SHIPPED="yes") as app:
            for lesson in lessons:
                first_pages(browser, f"{app.url}/{lesson.page}", 1)
                opens = opening(browser, app, lesson, options.loads)
                page = browser.new_page(viewport=VIEWPORT)  # type: ignore[arg-type]
                rows.append((lesson, opens, sliding(page, app, lesson, MOVES)))
                page.close()
                print(json.dumps({lesson.number: {row.what: row.times for row in rows[-1][1:]}}), flush=True)
    if options.lesson:
        print("\n".join(table(rows, alone)))
        return
    OUT.write_text("\n".join(_page(table(rows, alone), options.loads, load)) + "\n", encoding="utf-8")


def _page(table: list[str], loads: int, load: float) -> list[str]:
    return [
        "# How soon the course answers\n",
        "Measured by `python -m tests.e2e.course_speed` in headless Chromium at 1440 × 900, on one machine with the "
        f"server. The load of the last minute was {load:.1f} when it began.\n",
        *(f"- {line}" for line in machine.described()),
        "",
        *table,
        "",
        f"*Opens*: {loads} times, from the address to a page at rest whose first picture is drawn; the browser keeps "
        "nothing from one time to the next, the server has shown the lesson before. *Answers a slider*: "
        f"{MOVES} clicks at random places of all sliders of the lesson in turn, from pressing the mouse to the last "
        "change of a picture, a number or a sentence of the experiment.",
    ]


if __name__ == "__main__":
    main()
