"""The first thing a person does: open the app."""

from playwright.sync_api import Page, expect


def test_the_app_opens_on_a_page_with_a_title_and_no_error(page: Page) -> None:
    """A fresh home, nothing computed yet: the first page is drawn in full."""
    expect(page.get_by_role("heading").first).to_be_visible()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)
