"""How soon the app answers, measured in a browser: ``python -m tests.e2e.speed``; it writes docs/app-speed.md.

Times are what the page itself sees, from pressing the mouse to other numbers on the screen, or from a click in the menu
to the page that is drawn. Nothing else should run on the machine.
"""

import json
import re
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.e2e.conftest import CHROMIUM_FLAGS, CHROMIUM_NAMES, VIEWPORT, App, aim, serve, settle
from tests.e2e.frontier_chart import CHART, POINT
from tests.reliability import machine

STUDIES = ("fashion-resnet20", "hawq-v3-resnet50")
PAGES = (
    "Model",
    "Sensitivity",
    "Landscape",
    "Frontier",
    "Step sizes",
    "Fine-tune",
    "Results",
    "Export",
    "Runs",
    "Glossary",
)
WITHOUT_WEIGHTS = ("Model", "Sensitivity", "Frontier", "Runs", "Glossary")
CLICKS, LOADS = 15, 5
OUT = Path(__file__).resolve().parents[2] / "docs" / "app-speed.md"

# The top of the first or another bar, at the height of a width that it does not have.
_BAR = """share => {
  const chart = document.querySelector('.st-key-plan_bars .js-plotly-plot');
  const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
  const bars = chart._fullData.find(each => each.type === 'bar');
  const i = Math.floor((bars.y.length - 1) * share), to = bars.y[i] > 4 ? 1.7 : 7.7;
  return {x: box.left + xaxis._offset + xaxis.l2p(i), y: box.top + yaxis._offset + yaxis.l2p(to)};
}"""
# From pressing the mouse to other numbers in all of some places, complete with their errors where those are awaited.
_NUMBERS, _MEASURED = [".st-key-strip", ".st-key-plan_numbers"], [".st-key-plan_measured"]
_STOPWATCH = """places => {
  const awaited = places.includes('.st-key-plan_measured');
  const read = place => document.querySelector(place)?.innerText ?? '';
  const before = places.map(read);
  let pressed = null;
  window.answered = null;
  document.addEventListener('mousedown', () => { pressed = performance.now(); }, {once: true, capture: true});
  const look = () => {
    const other = (place, i) => read(place) !== before[i] && (!awaited || read(place).includes('±'));
    if (pressed !== null && places.every(other)) {
      window.answered = performance.now() - pressed;
    } else requestAnimationFrame(look);
  };
  look();
}"""


@dataclass(frozen=True)
class Row:
    """One thing that was timed: milliseconds, and what is asked of their median."""

    what: str
    times: tuple[float, ...]
    asked: str = ""

    @property
    def middle(self) -> float:
        """The median."""
        return statistics.median(self.times)

    def line(self) -> str:
        """A line of the table."""
        most = max(self.times)
        return f"| {self.what} | {self.middle:,.0f} ms | {most:,.0f} ms | {len(self.times)} | {self.asked} |"


@contextmanager
def chromium() -> Iterator[Browser]:
    """The browser of the tests."""
    executable = next(path for name in CHROMIUM_NAMES if (path := shutil.which(name)))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=CHROMIUM_FLAGS)
        yield browser
        browser.close()


def first_pages(browser: Browser, address: str, times: int) -> tuple[tuple[float, ...], ...]:
    """From opening an address to something drawn, to a title, and to a page that rests with its picture, each time.

    The browser keeps nothing from one time to the next.
    """
    found = []
    for _ in range(times):
        page, moments = opened(browser, address)
        found.append(moments)
        page.close()
    return tuple(zip(*found, strict=True))


def opened(browser: Browser, address: str) -> tuple[Page, tuple[float, float, float]]:
    """A page of a browser that keeps nothing, and its moments as in `first_pages`."""
    page = browser.new_page(viewport=VIEWPORT)  # type: ignore[arg-type]
    started = time.monotonic()
    page.goto(address, wait_until="commit")
    page.locator("[data-testid=stSidebarNavLink], h1, [data-testid=stAppSkeleton]").first.wait_for()
    drawn = time.monotonic()
    page.locator("h1").first.wait_for()
    titled = time.monotonic()
    page.locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")
    settle(page)
    return page, (1000 * (drawn - started), 1000 * (titled - started), 1000 * (time.monotonic() - started))


def of_first_pages(browser: Browser, app: App, study: str, state: str) -> list[Row]:
    """The rows of a server that has loaded no network before, or of one that has."""
    asked = {"cold": ("3 s", "", "8 s"), "warm": ("", "", "3 s")}[state]
    names = ("something drawn", "title", "picture drawn, at rest")
    times = first_pages(browser, f"{app.url}/model?study={study}", 1 if state == "cold" else LOADS)
    return [
        Row(f"first page, {state} server: {name}", each, limit)
        for name, each, limit in zip(names, times, asked, strict=True)
    ]


def of_start(browser: Browser, app: App, study: str) -> Row:
    """The page that a person meets first, on a server that has loaded the study."""
    times = first_pages(browser, f"{app.url}/?study={study}", LOADS)
    return Row("start page, warm server: picture drawn, at rest", times[-1], "3 s")


def of_streamlit(browser: Browser, folder: Path) -> Row:
    """A page of a title, a bar chart and a table on Streamlit alone, as its server and the browser bring it."""
    folder.mkdir()
    with serve(folder, "tests/e2e/bare.py") as bare:
        first_pages(browser, bare.url, 1)
        return Row(
            "Streamlit alone, a title, three bars and a table", first_pages(browser, bare.url, LOADS)[-1]
        )


def switches(page: Page, names: tuple[str, ...]) -> Row:
    """From a click in the menu to a page at rest; every page twice, the first round not counted."""
    times = []
    for number in range(2):
        for name in names:
            link = page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile(f"{name}$"))
            started = time.monotonic()
            link.click()
            page.get_by_role("heading", name=name, exact=True).first.wait_for()
            settle(page)
            if number:
                times.append(1000 * (time.monotonic() - started))
    return Row("page switch, drawn and at rest", tuple(times), "1 s")


def answers(page: Page, find: str, ready: str, places: list[str] = _NUMBERS) -> tuple[float, ...]:
    """Milliseconds from clicks at places along a picture to other numbers."""
    times = []
    for number in range(CLICKS):
        page.wait_for_function(ready)
        spot = page.evaluate(find, 0.1 + 0.8 * ((number * 7) % CLICKS) / CLICKS)
        if find == POINT:
            aim(page, spot["x"], spot["y"])
        else:
            page.mouse.move(spot["x"], spot["y"])
        page.evaluate(_STOPWATCH, places)
        page.mouse.click(spot["x"], spot["y"])
        page.wait_for_function("() => window.answered !== null")
        times.append(page.evaluate("() => window.answered"))
        settle(page)
    return tuple(times)


def measure(study: str, folder: Path) -> list[Row]:
    """Everything for one study, with a server of its own."""
    rows = []
    folder.mkdir()
    with chromium() as browser, serve(folder, EXPLORER_SHIPPED="yes") as app:
        rows += of_first_pages(browser, app, study, "cold")
        rows += of_first_pages(browser, app, study, "warm")
        rows.append(of_start(browser, app, study))
        rows.append(of_streamlit(browser, folder / "bare"))
        page = browser.new_page(viewport=VIEWPORT)  # type: ignore[arg-type]
        page.goto(f"{app.url}/frontier?study={study}")
        page.get_by_role("heading", name="Frontier", exact=True).wait_for()
        handled = f"() => {CHART}?.dataset.handled"
        page.wait_for_function(handled)
        settle(page)
        first = page.evaluate(POINT, 0.5)
        aim(page, first["x"], first["y"])
        page.mouse.click(first["x"], first["y"])
        page.locator(".st-key-plan_numbers").wait_for()
        settle(page)
        rows.append(Row("click on the frontier, to all numbers", answers(page, POINT, handled), "300 ms"))
        if not study.startswith("hawq"):
            measured = answers(page, POINT, handled, _MEASURED)
            rows.append(Row("click on the frontier, to a measured accuracy", measured, "2 s"))
        settable = "() => document.querySelector('.st-key-plan_bars .js-plotly-plot[data-settable]')"
        rows.append(Row("click on a bar, to all numbers", answers(page, _BAR, settable), "500 ms"))
        rows.append(switches(page, WITHOUT_WEIGHTS if study.startswith("hawq") else PAGES))
    return rows


def main() -> None:
    """Measure and write the page."""
    parts = [
        "# How soon the app answers\n",
        "Measured by `python -m tests.e2e.speed` in headless Chromium at 1440 × 900, on one machine with the server.\n",
        *(f"- {line}" for line in machine.described()),
    ]
    with tempfile.TemporaryDirectory() as folder:
        for study in STUDIES:
            rows = measure(study, Path(folder) / study)
            parts += [
                f"\n## {study}\n",
                "| what | median | longest | times | asked |",
                "|---|---|---|---|---|",
            ]
            parts += [row.line() for row in rows]
            print(json.dumps({study: {row.what: row.times for row in rows}}), flush=True)
    OUT.write_text("\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
