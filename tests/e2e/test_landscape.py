"""The Landscape page in a real browser: slices that are asked for appear, as lines, as planes and as relief."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, settle

_TYPES = """() => {
  const chart = document.querySelector('.st-key-landscape .js-plotly-plot');
  return chart?._fullData?.map(each => each.type) ?? [];
}"""


@pytest.fixture(scope="module")
def app(learnable_app: App) -> App:
    return learnable_app


def compute(page: Page) -> None:
    """Press Compute and wait until everything is there."""
    page.get_by_role("button", name="Compute", exact=True).click()
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    settle(page)


def choose(page: Page, option: str) -> None:
    page.get_by_role("radio", name=option, exact=True).click()
    settle(page)


@pytest.mark.slow
def test_slices_appear_as_lines_as_planes_and_as_relief(page: Page) -> None:
    page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile("Landscape$")).click()
    page.get_by_role("heading", name="Landscape", exact=True).wait_for()
    settle(page)
    expect(page.get_by_text("Not measured yet")).to_be_visible()

    choose(page, "quantization")
    compute(page)
    page.wait_for_function(f"({_TYPES})().includes('scatter')")
    expect(page.get_by_text("|ΔW|").first).to_be_attached()

    choose(page, "plane")
    compute(page)
    page.wait_for_function(f"({_TYPES})().some(type => type === 'contour')")
    choose(page, "3-D")
    page.wait_for_function(f"({_TYPES})().some(type => type === 'surface')")
