"""A stranger's first minutes: from the start page to a trained network, the tour, the glossary, a plan that leaves and
comes back."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Locator, Page, expect

from tests import learnable
from tests.e2e.conftest import App, press, serve, settle

CLICKS = 8  # at most, to a trained network

# Where a dot in the middle of the exact frontier is.
_MIDDLE = """() => {
  const chart = document.querySelector('.js-plotly-plot');
  const trace = chart._fullData.find(data => data.name.startsWith('exact frontier'));
  const index = Math.floor(trace.x.length / 2);
  const box = chart.getBoundingClientRect(), {xaxis, yaxis} = chart._fullLayout;
  return {x: box.left + xaxis._offset + xaxis.d2p(trace.x[index]),
          y: box.top + yaxis._offset + yaxis.d2p(trace.y[index])};
}"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app as it is first opened with a small study of one's own: nothing is computed."""
    folder = tmp_path_factory.mktemp("stranger")
    toml = str(learnable.write(folder / "learnable").resolve())
    with serve(folder, EXPLORER_STUDIES=toml) as running:
        yield running


class Stranger:
    """Someone who clicks what is on the screen, and counts."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.clicks = 0

    def click(self, what: Locator) -> None:
        what.click()
        self.clicks += 1
        settle(self.page)

    def go_on(self, title: str) -> None:
        """Follow the page's own "Next: ..."."""
        self.click(self.page.get_by_role("link", name=re.compile(r"Next: ")))
        self.page.get_by_role("heading", name=title, exact=True).wait_for()
        settle(self.page)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_stranger_trains_a_network_in_eight_clicks_and_no_typing(page: Page) -> None:
    stranger = Stranger(page)
    stranger.click(page.get_by_role("button", name="Explore learnable"))
    page.get_by_role("heading", name="Model", exact=True).wait_for()
    stranger.go_on("Sensitivity")
    stranger.click(page.get_by_role("button", name="Compute traces"))
    expect(page.get_by_text("It took")).to_be_visible()
    stranger.go_on("Frontier")
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')?.dataset.handled")
    dot = page.evaluate(_MIDDLE)
    press(page, dot["x"], dot["y"])
    stranger.clicks += 1
    stranger.go_on("Fine-tune")
    stranger.click(page.get_by_role("button", name="Start fine-tuning"))
    expect(page.get_by_text("Training took")).to_be_visible()
    stranger.go_on("Results")
    page.locator(".js-plotly-plot").first.wait_for()
    assert stranger.clicks <= CLICKS


def test_the_tour_leads_over_five_pages(page: Page) -> None:
    """Each step names its page and what to look at; the last one ends it."""
    page.get_by_role("button", name="Start the tour").click()
    for step, title in enumerate(("Model", "Sensitivity", "Landscape", "Frontier", "Fine-tune"), start=1):
        expect(page.locator(".st-key-tour")).to_contain_text(f"Tour {step} of 5: {title}")
        page.get_by_role("heading", name=title, exact=True).wait_for()
        settle(page)
        if step < 5:
            page.locator(".st-key-tour_next button").click()
    page.get_by_role("button", name="End the tour").click()
    expect(page.locator(".st-key-tour")).to_have_count(0)


def test_a_term_leads_to_its_place_in_the_glossary(page: Page) -> None:
    """Beside the page, which stays as it is."""
    with page.context.expect_page() as opened:
        page.get_by_test_id("stMain").get_by_role("link", name="Hessian").click()
    glossary = opened.value
    settle(glossary)
    place = glossary.locator("#hessian")
    place.wait_for()
    glossary.wait_for_function(
        "() => {const {top} = document.querySelector('#hessian').getBoundingClientRect(); return top >= 0 && top < 300}"
    )
    assert glossary.url.endswith("/glossary#hessian")


def test_a_plan_leaves_as_a_file_and_comes_back(page: Page, app: App, tmp_path: Path) -> None:
    """Download and upload work under the content security policy that every answer carries."""
    toml = str((app.home.parent / "learnable" / "study.toml").resolve())
    answer = page.goto(f"{app.url}/frontier?study={quote(toml)}&plan=4.4.2.8_8.8.8.8")
    assert answer is not None
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    page.get_by_role("heading", name="Frontier", exact=True).wait_for()
    settle(page)
    if (compute := page.get_by_role("button", name="Compute traces")).is_visible():
        compute.click()
    with page.expect_download() as started:
        page.get_by_role("button", name="Download", exact=True).click()
    path = tmp_path / started.value.suggested_filename
    started.value.save_as(path)
    content = json.loads(path.read_text(encoding="utf-8"))
    first = next(iter(content["blocks"].values()))
    assert first["w_bits"] == 4
    first["w_bits"] = 8
    path.write_text(json.dumps(content), encoding="utf-8")
    page.get_by_text("Upload a plan.json").click()
    page.locator("input[type=file]").last.set_input_files(path)
    page.wait_for_url(re.compile(r"plan=8\.4\.2\.8_"))


def test_without_a_mouse_one_link_leads_past_the_menu(page: Page) -> None:
    """The first stop of the Tab key; what comes next is on the page itself, and no button of a chart's toolbar."""
    page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile("Model$")).click()
    page.locator(".js-plotly-plot").first.wait_for()
    settle(page)
    page.reload()
    page.locator(".js-plotly-plot").first.wait_for()
    settle(page)
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    inside = "() => document.querySelector('[data-testid=stMain]').contains(document.activeElement)"
    assert page.evaluate(inside)
    page.wait_for_function("() => !document.querySelector('.modebar-btn:not([tabindex=\"-1\"])')")
