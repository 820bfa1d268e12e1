"""A class on one server, in browsers: two students, each with a name; nobody changes what is another's."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.e2e.conftest import PATIENCE, VIEWPORT, App, retried, serve, settle


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app as ``make class`` starts it, on loopback."""
    with serve(tmp_path_factory.mktemp("class"), EXPLORER_LOGIN="class") as running:
        yield running


def come(browser: Browser, app: App, name: str) -> Page:
    """A student's browser, past the form, at the third lesson, whole."""
    page = browser.new_context(viewport=VIEWPORT).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(PATIENCE * 1000)
    page.goto(f"{app.url}/lesson_03?epochs=20&seeds=8")  # two minutes of training, which is stopped
    page.locator("input[name=name]").fill(name)
    page.locator("input[name=name]").press("Enter")
    return page


def long(page: Page) -> Locator:
    """The lesson's long experiment, once the page has gone on to its end."""
    page.locator(".st-key-lesson_end").wait_for(state="attached")
    settle(page)
    return page.locator('[class*="st-key-long_3_"]')


@pytest.mark.slow
def test_a_students_run_is_stopped_and_continued_by_nobody_else(browser: Browser, app: App) -> None:
    """The other one sees it, with buttons that are grey; and nobody comes under a name that is taken."""
    ada = come(browser, app, "Ada")
    mine = long(ada)
    mine.get_by_role("button", name="Compute").click()
    mine.get_by_role("button", name="Stop").wait_for()

    bob = come(browser, app, "Ada")
    expect(bob.get_by_text("Somebody came as Ada already")).to_be_visible()
    bob.locator("input[name=name]").fill("Bob")
    bob.locator("input[name=name]").press("Enter")
    theirs = long(bob)
    either = theirs.get_by_role("button", name="Stop").or_(theirs.get_by_role("button", name="Continue"))
    expect(either.first).to_be_disabled()

    stop, go_on = (mine.get_by_role("button", name=name) for name in ("Stop", "Continue"))
    press = "buttons => buttons.filter(button => !button.disabled).forEach(button => button.click())"
    retried(ada, lambda: stop.evaluate_all(press), lambda: go_on.count() > 0)
    expect(go_on).to_be_enabled()
    expect(theirs.get_by_role("button", name="Continue")).to_be_disabled()
    for page in (ada, bob):
        page.context.close()
