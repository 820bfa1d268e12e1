"""axe-core on every page: nothing serious or critical, except what is Streamlit's own and cannot be mended from here.

The script comes with the package axe-playwright-python and is handed to the page by the browser's debugger, past the
app's content security policy, which stays as it is for everybody else.
"""

import importlib.util
import os
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from playwright.sync_api import Locator, Page

from explorer.ui.shell import navigation
from tests.e2e.conftest import App, settle

GRAVE = ("serious", "critical")
OURS_TOO = ("heading-order", "page-has-heading-one", "skip-link")  # less grave, and in our hands

# Rule, a pattern of where it was found, and why it stays.
STREAMLITS_OWN: tuple[tuple[str, str, str], ...] = ()


def axe_script() -> str:
    found = importlib.util.find_spec("axe_playwright_python")
    if found is None or found.origin is None:
        words = "axe-playwright-python is not installed; pip install -r requirements-dev.txt"
        if os.environ.get("CI", "").lower() in ("1", "true"):
            pytest.fail(words)
        pytest.skip(words)
    return Path(found.origin).with_name("axe.min.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def app(learnable_app: App) -> App:
    return learnable_app


def grave(page: Page) -> list[str]:
    """What axe-core finds serious or critical on the page as it is now, less what is Streamlit's own."""
    found: dict[str, Any] = page.evaluate("() => axe.run({resultTypes: ['violations']})")
    wrong = []
    for rule in found["violations"]:
        for node in rule["nodes"]:
            where = " ".join(map(str, node["target"]))
            known = any(rule["id"] == named and re.search(place, where) for named, place, _ in STREAMLITS_OWN)
            if not known and (rule["impact"] in GRAVE or rule["id"] in OURS_TOO):
                page_name = page.url.split("?")[0].split("/")[-1] or "start"
                why = " ".join(node["failureSummary"].split())[:300]
                wrong.append(f"{page_name}: {rule['id']} at {where}: {node['html'][:200]}: {why}")
    return wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_grave_on_any_page(page: Page, app: App, scheme: Literal["light", "dark"]) -> None:
    """Names, roles, contrast and what else a program can see; on every page, with a plan chosen."""
    script = axe_script()
    page.emulate_media(color_scheme=scheme)
    page.goto(app.url.replace("/?", "/model?") + "&plan=4.4.2.8_8.8.8.8")
    page.locator("h1").first.wait_for()
    settle(page)
    wrong: list[str] = []
    links = page.get_by_test_id("stSidebarNavLink")
    for number in range(links.count()):
        links.nth(number).click()
        page.wait_for_function(
            "name => document.querySelector('h1')?.innerText.trim() === name", arg=heading(links.nth(number))
        )
        settle(page)
        page.wait_for_timeout(500)  # pictures fade in
        page.evaluate(script)
        wrong += grave(page)
    page.goto(app.url.replace("/?", "/lesson_02?"))
    page.locator(".st-key-lesson_end").wait_for(state="attached")  # it goes on by itself
    settle(page)
    page.evaluate(script)
    wrong += grave(page)
    assert not wrong, "\n".join(wrong)


def heading(link: Locator) -> str:
    """The title of the page that a link of the menu leads to."""
    name = link.inner_text().strip().split("\n")[-1].strip()
    return {navigation.START.title: navigation.NAME, "All lessons": "Course"}.get(name, name)
