"""How soon the course answers in a browser: ``python -m tests.e2e.course_speed``; it writes docs/course-speed.md.

Every lesson is opened several times by its address, each time by a browser that keeps nothing, from a server on which
it was open before. Then its sliders are clicked at random places, one after the other: an answer ends with the last
change of a picture, a number or a sentence of that experiment. Nothing else should run on the machine.
"""

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from explorer.course import finding
from explorer.course.controls import Slider
from explorer.course.parts import Lesson
from tests.e2e.conftest import serve, still
from tests.e2e.speed import LOADS, chromium, first_pages, of_streamlit, opened
from tests.reliability import machine

MOVES, _TRIES = 20, 12
_ALONE = "alone"
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


def times_of(browser: Browser, url: str, lesson: Lesson, loads: int) -> dict[str, tuple[float, ...]]:
    """Milliseconds of a lesson: from its address to a page at rest, and of the answers of its sliders, each in turn."""
    address = f"{url}/{lesson.page}"
    opens = first_pages(browser, address, loads - 1)[-1] if loads > 1 else ()
    page, moments = opened(browser, address)
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
    return {"opens": (*opens, moments[-1]), "answers": answers}


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


def table(lessons: Sequence[Lesson], measured: Mapping[str, Mapping[str, Sequence[float]]]) -> list[str]:
    """A line a lesson, and above them Streamlit alone."""

    def cells(of: str, what: str) -> str:
        times = measured[of][what]
        return f"{statistics.median(times):,.0f} ms | {max(times):,.0f} ms"

    return [
        "| | opens, median | longest | answers a slider, median | longest |",
        "|---|---|---|---|---|",
        "| asked | 3 s | | 500 ms | |",
        f"| Streamlit alone, a title, three bars and a table | {cells(_ALONE, 'opens')} | | |",
        *(
            f"| {each.number} {each.title} | {cells(each.page, 'opens')} | {cells(each.page, 'answers')} |"
            for each in lessons
        ),
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
        "nothing from one time to the next, the server has shown the lesson before. *Answers a slider*: "
        f"{MOVES} clicks at random places of all sliders of the lesson, from pressing the mouse to the last change of "
        "a picture, a number or a sentence of the experiment.",
    ]


def main() -> None:
    """Measure and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--lesson", type=int, action="append", help="only this one; prints, and writes nothing"
    )
    parser.add_argument("--loads", type=int, default=LOADS)
    parser.add_argument("--address", help="of a server at work that has shown every lesson")
    parser.add_argument(
        "--keep", type=Path, help="where figures are kept, to go on from after an interruption"
    )
    parser.add_argument("--said", default="Nothing else ran.", help="how quiet the machine was, for the page")
    options = parser.parse_args()
    lessons = [
        each for number, each in finding.lessons().items() if number in (options.lesson or finding.lessons())
    ]
    with tempfile.TemporaryDirectory() as name, ExitStack() as held:
        folder = Path(name)
        keep = options.keep or folder / "figures.json"
        browser = held.enter_context(chromium())
        url = options.address or _serve(held, browser, folder / "app", lessons)
        measured: dict[str, Any] = json.loads(keep.read_text()) if keep.exists() else {}
        for lesson in lessons:
            if lesson.page not in measured:
                measured[lesson.page] = times_of(browser, url, lesson, options.loads)
            keep.write_text(json.dumps(measured))
        if _ALONE not in measured:
            measured[_ALONE] = {"opens": of_streamlit(browser, folder / "bare").times}
        keep.write_text(json.dumps(measured))
    told = table(lessons, measured)
    if options.lesson:
        print("\n".join(told))
    else:
        OUT.write_text("\n".join(_page(told, options.loads, options.said)) + "\n", encoding="utf-8")


def _serve(held: ExitStack, browser: Browser, folder: Path, lessons: Sequence[Lesson]) -> str:
    """The address of a server that has shown the lessons."""
    folder.mkdir()
    url = held.enter_context(serve(folder, EXPLORER_SHIPPED="yes")).url
    for lesson in lessons:
        first_pages(browser, f"{url}/{lesson.page}", 1)
    return url


if __name__ == "__main__":
    main()
