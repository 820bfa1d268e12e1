"""The Frontier page in a real browser: clicks, handle, bars and keyboard; how soon numbers follow is printed."""

import re
import statistics
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, aim, press, serve, settle, still, visit
from tests.e2e.frontier_chart import CHART, POINT

STUDY = "hawq-v3-resnet50"
CLICKS = 20

# Where a plan of set B is that lies well above the frontier.
_DOT = f"""share => {{
  const chart = {CHART};
  const trace = chart._fullData.find(each => each.meta === 'set B');
  const {{xaxis, yaxis}} = chart._fullLayout, box = chart.getBoundingClientRect();
  let best = 0;
  for (let i = 0; i < trace.x.length; i++) {{
    if (Math.abs(trace.x[i] - 12) < 0.3 && trace.y[i] > trace.y[best]) best = i;
  }}
  return {{x: box.left + xaxis._offset + xaxis.d2p(trace.x[best]),
          y: box.top + yaxis._offset + yaxis.d2p(trace.y[best])}};
}}"""
# From pressing the mouse to other numbers in the strip, as the page itself sees it.
_STOPWATCH = """() => {
  const strip = () => document.querySelector('.st-key-strip').innerText;
  const before = strip();
  let pressed = null;
  window.answered = null;
  document.addEventListener('mousedown', () => { pressed = performance.now(); }, {once: true, capture: true});
  const look = () => {
    if (pressed !== null && strip() !== before) window.answered = performance.now() - pressed;
    else requestAnimationFrame(look);
  };
  look();
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with serve(tmp_path_factory.mktemp("frontier")) as running:
        yield replace(running, url=f"{running.url}/?study={STUDY}")


@pytest.fixture
def frontier(page: Page) -> Page:
    """The page with widths of 2, 4, 6 and 8 bits allowed: 20,825 plans of set B."""
    page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile("Frontier$")).click()
    page.get_by_role("heading", name="Frontier", exact=True).wait_for()
    settle(page)
    for width in ("2", "6"):
        page.get_by_role("button", name=width, exact=True).first.click()
        settle(page)
    page.wait_for_function(
        f"{CHART}?.dataset.handled && {CHART}._fullData.some(each => each.name === 'set B, 20,825 plans')"
    )
    return page


def click(page: Page, share: float) -> float:
    """Click a point of the frontier; its cost."""
    point = page.evaluate(POINT, share)
    press(page, point["x"], point["y"])
    return float(point["cost"])


def take(page: Page, share: float) -> None:
    """Click a point and wait for its plan."""
    comes_to(page, click(page, share))


def comes_to(page: Page, cost: float) -> None:
    """Wait until the strip shows a plan of about this size: it is drawn a moment after the address has changed."""
    page.wait_for_function(
        r"""cost => {
          const strip = document.querySelector('.st-key-strip').innerText;
          return Math.abs(parseFloat(strip.match(/([\d.]+) MB\s+Compression/)?.[1]) - cost) < 0.15;
        }""",
        arg=cost,
    )
    settle(page)


def test_numbers_follow_every_click_and_the_picture_keeps_its_zoom(frontier: Page) -> None:
    page = frontier
    take(page, 0.5)
    page.evaluate(f"() => window.Plotly.relayout({CHART}, {{'xaxis.range': [4, 22]}})")
    waits = []
    for number in range(CLICKS):
        point = page.evaluate(POINT, 0.1 + 0.8 * ((number * 7) % CLICKS) / CLICKS)
        aim(page, point["x"], point["y"])
        page.evaluate(_STOPWATCH)
        page.mouse.click(point["x"], point["y"])
        page.wait_for_function("() => window.answered !== null")
        waits.append(page.evaluate("() => window.answered"))
        settle(page)
    print(f"click to updated numbers: median {statistics.median(waits):.0f} ms, {[round(w) for w in waits]}")
    assert page.evaluate(f"() => {CHART}._fullLayout.xaxis.range") == [4, 22]


def test_the_handle_is_dragged_along_the_frontier_and_bars_go_along(frontier: Page) -> None:
    page = frontier
    take(page, 0.3)
    before = page.url
    knob = page.locator(".frontier-knob").bounding_box()
    assert knob is not None
    page.mouse.move(knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2)
    page.mouse.down()
    for share in (0.4, 0.5, 0.6):
        point = page.evaluate(POINT, share)
        page.mouse.move(point["x"], point["y"], steps=4)
    card = page.locator(".frontier-card")
    expect(card).to_be_visible()
    expect(card).to_contain_text(re.compile(r"MB, Ω .*→ \d bits", re.S))
    expect(card.locator("i")).to_have_count(52)
    page.mouse.up()
    expect(card).to_be_hidden()
    expect(page).not_to_have_url(before)
    comes_to(page, point["cost"])

    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page).to_have_url(before)  # the plans on the way are not remembered


def test_the_keyboard_does_what_the_mouse_does(frontier: Page) -> None:
    page = frontier
    take(page, 0.4)
    first = page.url
    knob = page.get_by_role("slider", name=re.compile("Current plan"))
    knob.focus()
    place = int(knob.get_attribute("aria-valuenow") or -1)
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(first)
    expect(knob).to_have_attribute("aria-valuenow", str(place + 1))
    settle(page)
    second = page.url

    bars = page.get_by_role("spinbutton", name=re.compile("Weight bits of stage1.unit1.conv1"))
    bars.focus()
    page.keyboard.press("ArrowRight")
    cursor = page.get_by_role("spinbutton", name=re.compile("Weight bits of stage1.unit1.conv2"))
    width = int(cursor.get_attribute("aria-valuenow") or -1)
    page.keyboard.press("ArrowDown")
    expect(page).not_to_have_url(second)
    expect(cursor).to_have_attribute("aria-valuenow", str({8: 6, 6: 4, 4: 2}[width]))
    settle(page)
    page.keyboard.press("Control+z")
    expect(page).to_have_url(second)


def test_a_bar_is_set_by_a_click_at_a_height(frontier: Page) -> None:
    page = frontier
    take(page, 0.4)
    chart = page.locator(".st-key-plan_bars .js-plotly-plot[data-settable]")
    chart.scroll_into_view_if_needed()
    still(chart)
    spot = chart.evaluate(
        """chart => {
          const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
          return {x: box.left + xaxis._offset + xaxis.l2p(0), y: box.top + yaxis._offset + yaxis.l2p(1.7)};
        }"""
    )
    page.mouse.click(spot["x"], spot["y"])
    expect(page).to_have_url(re.compile(r"plan=2\."))


def test_there_is_one_handle_however_often_one_comes_back(frontier: Page) -> None:
    """Every return to the page left a handle behind, which stayed where it was and was a stop of the Tab key."""
    page = frontier
    take(page, 0.4)
    for _ in range(3):
        visit(page, "Model")
        expect(page.locator(".frontier-knob")).to_have_count(0)
        visit(page, "Frontier")
        page.locator(".frontier-knob").first.wait_for()
        page.wait_for_timeout(500)  # a second handle would come within two beats of 200 ms
        expect(page.locator(".frontier-knob")).to_have_count(1)
    take(page, 0.6)
    knob = page.locator(".frontier-knob").bounding_box()
    point = page.evaluate(POINT, 0.6)
    assert knob is not None
    assert abs(knob["x"] + knob["width"] / 2 - point["x"]) < 3


def test_a_plan_under_the_pointer_shows_its_bits(frontier: Page) -> None:
    """Of the frontier and of set B, in words and as cells, inside the chart, with the handle below the card."""
    page = frontier
    take(page, 0.5)
    card = page.locator(".frontier-card")
    for where in (POINT, _DOT):
        page.mouse.move(5, 5)
        expect(card).to_be_hidden()
        point = page.evaluate(where, 0.35)
        aim(page, point["x"], point["y"])
        expect(card).to_be_visible()
        expect(card.locator("i")).to_have_count(52)
        expect(card).to_contain_text(re.compile(r"weights: .*\d+ × \d bits"))
        expect(card).to_contain_text("Click to use this plan")
        inside = page.evaluate(
            f"""() => {{
              const box = {CHART}.getBoundingClientRect();
              const card = document.querySelector('.frontier-card').getBoundingClientRect();
              return card.top >= box.top && card.bottom <= box.bottom
                && card.left >= box.left && card.right <= box.right;
            }}"""
        )
        assert inside


def test_a_click_on_bit_operations_gives_a_plan_of_that_many(frontier: Page) -> None:
    """The dot stood at 0.36 GBOPs and the plan had 829 MBOPs."""
    page = frontier
    page.get_by_role("radio", name="BOPs").or_(page.get_by_role("button", name="BOPs")).first.click()
    page.wait_for_function(f"{CHART}?.layout.xaxis.title.text.includes('GBOPs')")
    settle(page)
    for share in (0.3, 0.7):
        cost = click(page, share)
        page.wait_for_function(
            r"""cost => {
              const desk = document.querySelector('.st-key-plan_numbers')?.innerText ?? '';
              return Math.abs(parseFloat(desk.match(/Bit operations\s+([\d.]+) GBOPs/)?.[1]) / cost - 1) < 0.01;
            }""",
            arg=cost,
        )
        settle(page)


def test_chart_and_plan_share_one_screen_and_the_panel_covers_neither(frontier: Page) -> None:
    page = frontier
    take(page, 0.5)
    for place in (".st-key-frontier_chart", ".st-key-plan_numbers", ".st-key-plan_bars"):
        box = page.locator(place).bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 900, place
    page.get_by_role("button", name="Constraints").click()
    field = page.get_by_label("bit operations (GBOPs)")
    field.fill("100")
    field.press("Enter")
    expect(page.get_by_role("button", name="bit operations ≤ 100 GBOPs")).to_be_visible()
    settle(page)
    panel, chart = field.bounding_box(), page.locator(".st-key-frontier_chart").bounding_box()
    assert panel is not None
    assert chart is not None
    assert panel["x"] + panel["width"] < chart["x"]
    page.get_by_role("button", name="bit operations ≤ 100 GBOPs").click()
    expect(page.get_by_role("button", name="Constraints", exact=True)).to_be_visible()
