"""A new store opens with pictures: the results that come with the project."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, serve, settle


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with serve(tmp_path_factory.mktemp("shipped"), EXPLORER_SHIPPED="yes") as running:
        yield running


def test_every_page_of_a_new_store_opens_with_a_picture(page: Page) -> None:
    """Nothing is pressed but the menu; before, Sensitivity, Landscape, Step sizes and Frontier opened empty."""
    page.locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")
    for title in ("Model", "Sensitivity", "Landscape", "Frontier", "Step sizes", "Fine-tune", "Results"):
        page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile(f"{title}$")).click()
        page.get_by_role("heading", name=title, exact=True).wait_for()
        settle(page)
        page.get_by_test_id("stMain").locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")
    page.get_by_test_id("stSidebarNavLink").filter(has_text=re.compile("Sensitivity$")).click()
    expect(page.get_by_text("Shipped with the project, which computed it on")).to_be_visible()
