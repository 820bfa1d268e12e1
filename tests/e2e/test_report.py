"""A report in the browser, from a file and without a network: every figure is drawn, on the screen and on paper."""

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from explorer import reports, studies
from explorer.jobs import shipped
from explorer.plans import Plan
from explorer.runs import Store
from tests.e2e.conftest import PATIENCE

# Share of coloured pixels in the middle of a figure: text and axes are grey or nearly black, so that none are without
# what is drawn. What lies on the middle of a relief besides the surface is less than this.
LEAST, LEAST_OF_RELIEF = 0.0001, 0.02


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A comparison of a training that comes with the project and of a uniform plan: figures of every kind."""
    folder = tmp_path_factory.mktemp("report")
    store, study = Store.open(home=folder / "home"), studies.load_network("fashion-thin")
    runs = store.bundles.adopt(shipped.bundle(study.name), "")
    [training] = [run for run in runs if store.get(run).spec.kind == "finetune"]
    plan = Plan.uniform(study, study.blocks(), 8, 8, name="</script><b>8 bits</b>")
    text = reports.report(study, store, plans=[(plan, study.blocks())], runs=[training])
    reports.write(folder / "report.html", text)
    return folder / "report.html"


def test_a_report_stands_alone_on_the_screen_and_on_paper(browser: Browser, report: Path) -> None:
    """Lines, bars, contours, reliefs and parallel axes, offline; nothing is asked for, nothing fails."""
    context = browser.new_context(offline=True, viewport={"width": 1100, "height": 900})
    page = context.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    asked: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(report.as_uri())
    page.wait_for_function("document.documentElement.dataset.figures")
    assert page.evaluate("document.documentElement.dataset.figures") == "drawn"
    figures = page.locator("figure")
    count = figures.count()
    assert count >= 10
    drawn = page.evaluate(
        """[...document.querySelectorAll('.drawing')].map(each => each.querySelectorAll('.main-svg').length > 0
           && each.data.length > 0)"""
    )
    assert all(drawn)
    assert page.locator(".gl-container canvas, .gl3d canvas, canvas").count() > 0
    assert [each for each in asked if not each.startswith(("file:", "data:", "blob:"))] == []
    assert failed == []
    assert page.locator("b").count() == 0  # of the plan's name
    context.close()

    printed = report.with_suffix(".pdf")
    reports.pdf(report.read_text(encoding="utf-8"), printed)
    inked = figures_on_paper(printed)
    assert sorted(inked) == list(range(1, count + 1))
    missing = {
        number: share
        for number, (share, relief) in inked.items()
        if share < (LEAST_OF_RELIEF if relief else LEAST)
    }
    assert missing == {}


def figures_on_paper(path: Path) -> dict[int, tuple[float, bool]]:
    """Number of every figure to the share of its middle that is coloured, and whether it is a relief."""
    pdfium: Any = pytest.importorskip("pypdfium2")
    found: dict[int, tuple[float, bool]] = {}
    with pdfium.PdfDocument(path) as document:
        for page in document:
            text = page.get_textpage()
            words = text.get_text_range()
            pixels = page.render(scale=1).to_numpy().astype(int)  # a pixel a point
            colour = pixels.max(-1) - pixels.min(-1)
            for caption in re.finditer(r"Figure (\d+)\.", words):
                _, _, _, top = text.get_charbox(caption.start())
                below = round(page.get_height() - top)
                middle = colour[max(0, below - 180) : below - 60]
                relief = "relief" in words[caption.end() : caption.end() + 40]
                found[int(caption[1])] = float((middle > 60).mean()), relief
    return found
