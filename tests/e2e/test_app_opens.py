"""The first thing a person does: open the app, by a link to a page or at its front door."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PATIENCE, App, settle


@pytest.mark.slow
def test_the_first_visit_of_all_may_be_a_link_to_a_page(browser: Browser, app: App) -> None:
    """Streamlit runs such a page without app.py; the frame comes all the same, and nothing from elsewhere."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    outside: list[str] = []
    page.on("request", lambda asked: outside.append(asked.url))
    page.goto(f"{app.url}/sensitivity")
    expect(page.get_by_role("heading", name="Sensitivity")).to_be_visible()
    settle(page)
    expect(page.get_by_test_id("stSidebarNav").get_by_role("link", name="Frontier")).to_be_visible()
    page.wait_for_load_state("networkidle")  # a tab icon is fetched late
    page.close()
    assert [url for url in outside if url.startswith("http") and "//127.0.0.1" not in url] == []


def test_the_app_opens_on_a_page_with_a_title_and_no_error(page: Page) -> None:
    """Nothing computed yet: the first page is drawn in full."""
    expect(page.get_by_role("heading").first).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)
