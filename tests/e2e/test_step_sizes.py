"""The Step sizes page in a real browser: a search that is watched, a tensor that is clicked, steps used."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, press, retried, settle, still

# Where the dot of a tensor is on the screen.
_FIND_DOT = """name => {
  const chart = document.querySelector('.st-key-steps_strip .js-plotly-plot');
  const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
  const trace = chart._fullData[0], at = Array.from(trace.x).indexOf(name);
  return {x: box.left + xaxis._offset + xaxis.l2p(xaxis._categories.indexOf(name)),
          y: box.top + yaxis._offset + yaxis.d2p(trace.y[at])};
}"""

# Where the square of two tensors is on the screen.
_FIND_SQUARE = """([row, column]) => {
  const chart = document.querySelector('.st-key-steps_hessian .js-plotly-plot');
  const {xaxis, yaxis} = chart._fullLayout, box = chart.getBoundingClientRect();
  return {x: box.left + xaxis._offset + xaxis.l2p(xaxis._categories.indexOf(column)),
          y: box.top + yaxis._offset + yaxis.l2p(yaxis._categories.indexOf(row))};
}"""


@pytest.fixture(scope="module")
def app(learnable_app: App) -> App:
    return learnable_app


@pytest.fixture
def steps(page: Page) -> Page:
    page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile("Step sizes$")).click()
    page.get_by_role("heading", name="Step sizes", exact=True).wait_for()
    settle(page)
    return page


def test_a_search_is_watched_moved_by_hand_and_taken_in_hand(steps: Page) -> None:
    page = steps
    page.locator(".st-key-steps_strip .js-plotly-plot[data-pickable] .points path").first.wait_for(
        state="attached"
    )
    dot = page.evaluate(_FIND_DOT, "3.weight")
    page.mouse.click(dot["x"], dot["y"])
    expect(page.get_by_text("3.weight (weights, 4 bits)")).to_be_visible()

    page.get_by_role("button", name="Compute", exact=True).click()
    expect(page.get_by_text("the whole search took")).to_be_visible()
    settle(page)
    for phase, words in (
        ("2 best p", "A small p clips many values"),
        ("3 joint", "All steps are optimised jointly"),
    ):
        retried(page, page.get_by_role("radio", name=phase).click, page.get_by_text(words).is_visible)
        page.locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")

    page.get_by_role("radio", name="Manual").click()
    settle(page)
    loss = page.get_by_test_id("stMetric").filter(has_text="Loss")
    expect(loss).to_contain_text("at the start")
    slider = page.get_by_role("slider").first
    slider.focus()
    for _ in range(10):
        slider.press("ArrowLeft")
    expect(loss).not_to_contain_text("at the start")
    expect(page.get_by_text("Changed: 3.weight.")).to_be_visible()

    page.get_by_role("radio", name="Three phases").click()
    expect(page.get_by_role("combobox", name=re.compile("Steps of phase"))).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Use these steps").click()
    settle(page)
    expect(page.get_by_test_id("stMetric").filter(has_text="LAPQ W4A4")).to_be_visible()
    page.get_by_role("link", name=re.compile("Next: train the network")).click()
    expect(page.get_by_role("button", name="Start fine-tuning")).to_be_visible()


def test_a_square_of_the_coupling_opens_the_loss_over_its_two_steps(steps: Page) -> None:
    page = steps
    page.get_by_role("radio", name="Interactions", exact=True).click()
    settle(page)
    page.locator(".st-key-steps_hessian_compute button").click()
    pickable = page.locator(".st-key-steps_hessian .js-plotly-plot[data-pickable]")
    pickable.wait_for(state="attached")
    first = page.get_by_role("combobox", name="First tensor")

    def click_the_square() -> None:
        settle(page)
        pickable.scroll_into_view_if_needed()
        still(pickable)
        square = page.evaluate(_FIND_SQUARE, ["3.weight", "3.input"])
        press(page, square["x"], square["y"])

    retried(page, click_the_square, lambda: first.count() and first.input_value() == "3.weight")
    for label, tensor in (("First tensor", "3.weight"), ("Second tensor", "3.input")):
        expect(page.get_by_role("combobox", name=label)).to_have_value(tensor)
