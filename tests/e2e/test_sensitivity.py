"""The Sensitivity page in a real browser: a click on a dot, what it opens, and files that are what they say."""

import csv
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import App, retried, settle, still

BLOCK, OTHER = "3", "6"  # layers of the learnable study

# Where the dot of a block is on the screen.
_FIND_DOT = """([place, block]) => {
  const chart = document.querySelector(`.st-key-${place} .js-plotly-plot`);
  const named = data => Array.from(data.customdata ?? []).map(each => each[0]);
  const trace = chart._fullData.find(data => named(data).includes(block)), i = named(trace).indexOf(block);
  const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
  return {x: box.left + xaxis._offset + xaxis.l2p(trace.x[i]), y: box.top + yaxis._offset + yaxis.d2p(trace.y[i])};
}"""
_MARKED = """place => {
  const chart = document.querySelector(`.st-key-${place} .js-plotly-plot`);
  return chart.data.flatMap(t => Array.from(t.selectedpoints ?? []).map(i => t.customdata[i][0]));
}"""
_RANGE = "() => document.querySelector('.st-key-traces .js-plotly-plot')._fullLayout.xaxis.range"


@pytest.fixture(scope="module")
def app(learnable_app: App) -> App:
    return learnable_app


@pytest.fixture
def sensitivity(page: Page) -> Page:
    page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile("Sensitivity$")).click()
    page.get_by_role("heading", name="Sensitivity", exact=True).wait_for()
    settle(page)
    page.locator(".st-key-traces .js-plotly-plot[data-pickable] .points path").first.wait_for(
        state="attached"
    )
    return page


def hover(page: Page, block: str) -> dict[str, float]:
    """Move the mouse over a dot until its card is there: the page may still be settling under the mouse."""
    chart = page.locator(".st-key-traces").first
    dot: dict[str, float] = {}

    def point() -> None:
        chart.evaluate("chart => chart.scrollIntoView({block: 'center'})")
        still(chart)
        dot.update(page.evaluate(_FIND_DOT, ["traces", block]))
        page.mouse.move(dot["x"] - 4, dot["y"])
        page.mouse.move(dot["x"], dot["y"], steps=3)

    retried(page, point, page.locator(".st-key-traces .hoverlayer .hovertext").count)
    return dot


def click(page: Page, block: str) -> None:
    dot = hover(page, block)
    page.mouse.click(dot["x"], dot["y"])
    page.wait_for_url(re.compile(rf"[?&]block={block}(&|$)"))
    settle(page)


def download(page: Page, figure: str, kind: str, folder: Path) -> Path:
    """Press a button of the figure's Export popover; the file as the browser saved it."""
    if not page.get_by_test_id("stPopoverBody").is_visible():
        page.locator(f".st-key-chart_export_{figure}").get_by_role("button", name="Export").click()
    body = page.get_by_test_id("stPopoverBody")
    label = f"Download the figure as {kind}" if kind in ("SVG", "PNG") else kind
    with page.expect_download() as started:
        body.get_by_role("button", name=label, exact=True).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def test_a_click_on_a_dot_opens_its_block_and_the_picture_keeps_its_zoom(sensitivity: Page) -> None:
    page = sensitivity
    page.evaluate(
        "() => window.Plotly.relayout(document.querySelector('.st-key-traces .js-plotly-plot'),"
        " {'xaxis.range': [0.2, 2.8]})"
    )
    click(page, BLOCK)
    expect(page.get_by_text("Convergence of the estimate")).to_be_visible()
    expect(page.get_by_text("Which images matter")).to_be_visible()
    expect(page.locator(".st-key-carrying_weights img").first).to_be_visible()
    page.wait_for_function(f"({_MARKED})('traces').includes('{BLOCK}')")
    assert page.evaluate(_RANGE) == [0.2, 2.8]

    click(page, OTHER)
    page.wait_for_function(f"JSON.stringify(({_MARKED})('traces')) === '[\"{OTHER}\"]'")
    expect(page.get_by_role("heading", name=f"{OTHER}, weights")).to_be_visible()
    assert page.evaluate(_RANGE) == [0.2, 2.8]


def test_the_list_serves_the_keyboard_and_agrees_with_the_picture(sensitivity: Page) -> None:
    page = sensitivity
    click(page, BLOCK)
    choice = page.get_by_role("combobox", name=re.compile("Block"))
    choice.evaluate("field => field.scrollIntoView({block: 'center'})")
    still(choice)  # the list closes when the page moves
    choice.click()
    page.get_by_role("option", name=OTHER, exact=True).wait_for()
    choice.press("Control+a")
    choice.press_sequentially(OTHER, delay=100)
    choice.press("Enter")
    page.wait_for_url(re.compile(rf"[?&]block={OTHER}(&|$)"))
    settle(page)
    page.wait_for_function(f"JSON.stringify(({_MARKED})('traces')) === '[\"{OTHER}\"]'")
    click(page, BLOCK)
    expect(page.get_by_role("heading", name=f"{BLOCK}, weights")).to_be_visible()


def test_both_panels_share_zoom_and_hover(sensitivity: Page) -> None:
    page = sensitivity
    page.get_by_role("radio", name="both").click()
    settle(page)
    expect(page.locator(".st-key-traces")).to_have_count(1)  # the picture of one panel is gone
    page.wait_for_function(
        "() => document.querySelector('.st-key-traces .js-plotly-plot')?._fullLayout?.yaxis2 !== undefined"
    )
    hover(page, BLOCK)
    cards = page.locator(".st-key-traces .hoverlayer .hovertext")
    expect(cards).to_have_count(2)
    said = " ".join(cards.all_text_contents())
    assert "weights" in said
    assert "activations" in said


def test_downloads_are_real_files_named_after_study_and_figure(
    sensitivity: Page, browser: Browser, tmp_path: Path
) -> None:
    page = sensitivity
    svg = download(page, "traces", "SVG", tmp_path)
    assert svg.name == "learnable-traces-weights.svg"
    root = ElementTree.parse(svg).getroot()
    assert root.tag.endswith("svg")
    assert "mean Hessian trace" in "".join(root.itertext())

    png = download(page, "traces", "PNG", tmp_path).read_bytes()
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = (int.from_bytes(png[i : i + 4], "big") for i in (16, 20))
    assert (width, height) == (2 * float(root.get("width", 0)), 2 * float(root.get("height", 0)))

    table = download(page, "traces", "CSV", tmp_path)
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert [row["block"] for row in rows] == ["0", "3", "6", "11"]
    assert all(float(row["mean_trace"]) > 0 and float(row["mean_stderr"]) > 0 for row in rows)

    alone = download(page, "traces", "HTML", tmp_path)
    assert alone.name == "learnable-traces-weights.html"
    context = browser.new_context(offline=True)
    asked: list[str] = []
    other = context.new_page()
    other.on("request", lambda request: asked.append(request.url))
    other.goto(alone.as_uri())
    other.locator(".js-plotly-plot .points path").first.wait_for(state="attached")
    assert other.title() == "learnable-traces-weights"
    drawn = other.evaluate(
        "() => document.querySelector('.js-plotly-plot').data[0].customdata.map(row => row[0])"
    )
    assert json.dumps(drawn) == json.dumps([row["block"] for row in rows])
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    context.close()


def test_the_figures_of_a_block_are_exported_under_its_name(sensitivity: Page, tmp_path: Path) -> None:
    page = sensitivity
    click(page, BLOCK)
    page.locator(".st-key-carriers_weights .js-plotly-plot .main-svg").first.wait_for(state="attached")
    svg = download(page, "carriers_weights", "SVG", tmp_path)
    assert svg.name == f"learnable-carriers-weights-{BLOCK}.svg"
    assert "share of the images" in svg.read_text(encoding="utf-8")


_CONTRAST = """() => {
  const parts = colour => colour.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const light = colour => parts(colour).map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const page = light(getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor);
  const texts = [...document.querySelectorAll('.st-key-traces .js-plotly-plot .main-svg text')]
    .filter(text => text.textContent.trim());
  return texts.map(text => {
    const ink = light(getComputedStyle(text).fill);
    return (Math.max(ink, page) + 0.05) / (Math.min(ink, page) + 0.05);
  });
}"""


@pytest.mark.slow
def test_the_picture_is_on_the_first_screen_and_the_strip_stays(sensitivity: Page) -> None:
    chart = sensitivity.locator(".st-key-traces .js-plotly-plot").first
    still(chart)
    box = chart.bounding_box()
    assert box is not None
    assert box["y"] + box["height"] <= 900
    strip = sensitivity.locator(".st-key-strip")
    sensitivity.get_by_role("heading", name="One block", exact=True).scroll_into_view_if_needed()
    sensitivity.mouse.wheel(0, 2000)
    still(strip)
    place = strip.bounding_box()
    assert place is not None
    assert 0 <= place["y"] < 30
    assert place["height"] < 60, "one line"


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_text_of_a_chart_can_be_read_on_either_theme(app: App, browser: Browser, scheme: str) -> None:
    context = browser.new_context(color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    page.goto(app.url.replace("/?", "/sensitivity?"))
    page.locator(".st-key-traces .js-plotly-plot .xtick text").first.wait_for(state="attached")
    settle(page)
    found = page.evaluate(_CONTRAST)
    context.close()
    assert len(found) > 5
    assert min(found) >= 4.5


@pytest.mark.slow
def test_the_buttons_of_a_chart_are_no_stops_of_the_tab_key(sensitivity: Page) -> None:
    sensitivity.mouse.move(5, 5)
    # The browser takes a frame to notice that the mouse has left.
    expect(sensitivity.locator(".st-key-traces .modebar").first).to_have_css("visibility", "hidden")
