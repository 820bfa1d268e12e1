"""The address in a real browser: Back undoes a plan and never traps, links show the screen, nothing made is lost."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import App, press, serve, settle, visit
from tests.e2e.frontier_chart import CHART, POINT

STUDY = "hawq-v3-resnet50"
OTHER = "hawq-v3-resnet18"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with serve(tmp_path_factory.mktemp("address")) as running:
        yield replace(running, url=f"{running.url}/model?study={STUDY}")


def take(page: Page, share: float) -> str:
    """Click a dot; the address once it holds the plan."""
    page.wait_for_function(f"{CHART}?.dataset.handled")
    before = page.url
    point = page.evaluate(POINT, share)
    press(page, point["x"], point["y"])
    expect(page).not_to_have_url(before)
    settle(page)
    return page.url


def plan_of(address: str) -> str | None:
    found = re.search(r"plan=([\d._]+)", address)
    return found and found[1]


def current(page: Page) -> str:
    """The strip's words on the current plan."""
    return page.locator(".st-key-strip").inner_text()


def test_back_brings_the_plans_back_one_by_one_and_then_leaves(page: Page) -> None:
    """Each plan was a step of the browser's history, but going back changed nothing on the page."""
    visit(page, "Frontier")
    bare, none_yet = page.url, current(page)
    links, strips = [], []
    for share in (0.2, 0.5, 0.8):
        links.append(take(page, share))
        strips.append(current(page))
    assert len({plan_of(link) for link in links}) == 3

    for link, strip in ((links[1], strips[1]), (links[0], strips[0]), (bare, none_yet)):
        page.go_back()
        expect(page).to_have_url(link)
        settle(page)
        expect(page.locator(".st-key-strip")).to_have_text(strip, use_inner_text=True)
    page.go_forward()
    expect(page.locator(".st-key-strip")).to_have_text(strips[0], use_inner_text=True)
    page.get_by_role("button", name=re.compile("^Redo")).click()
    expect(page).to_have_url(links[1])
    page.go_back()
    page.go_back()
    expect(page).to_have_url(bare)
    settle(page)
    page.go_back()
    page.get_by_role("heading", name="Model", exact=True).wait_for()


def test_what_is_no_plan_does_not_litter_the_history(page: Page) -> None:
    visit(page, "Frontier")
    take(page, 0.4)
    steps = page.evaluate("() => window.history.length")
    page.get_by_role("radio", name="BOPs").click()
    expect(page).to_have_url(re.compile("cost=bops"))
    settle(page)
    page.get_by_role("radio", name="size").click()
    expect(page).not_to_have_url(re.compile("cost="))
    settle(page)
    assert page.evaluate("() => window.history.length") == steps


def test_a_dragged_handle_is_one_step(page: Page) -> None:
    visit(page, "Frontier")
    before = take(page, 0.3)
    steps = page.evaluate("() => window.history.length")
    knob = page.locator(".frontier-knob").bounding_box()
    assert knob is not None
    page.mouse.move(knob["x"] + knob["width"] / 2, knob["y"] + knob["height"] / 2)
    page.mouse.down()
    for share in (0.4, 0.5, 0.6):
        point = page.evaluate(POINT, share)
        page.mouse.move(point["x"], point["y"], steps=4)
        page.wait_for_timeout(400)
    assert page.url == before, "what it passes is not in the address"
    page.mouse.up()
    expect(page).not_to_have_url(before)
    settle(page)
    assert page.evaluate("() => window.history.length") == steps + 1
    page.go_back()
    expect(page).to_have_url(before)


def test_a_look_at_another_study_loses_no_plan(page: Page) -> None:
    """The plan was thrown away, and Undo could not bring it back."""
    visit(page, "Frontier")
    take(page, 0.2)
    link = take(page, 0.5)
    strip = current(page)
    picker = page.get_by_role("combobox", name="Study")
    for title, came in (("ResNet-18", f"study={OTHER}"), ("ResNet-50", f"study={STUDY}")):
        picker.click()
        page.get_by_role("option", name=re.compile(title)).first.click()
        expect(page).to_have_url(re.compile(came))
        settle(page)
    expect(page.locator(".st-key-strip")).to_have_text(strip, use_inner_text=True)
    expect(page).to_have_url(link)
    page.get_by_role("button", name=re.compile("^Undo")).click()
    expect(page).not_to_have_url(link)
    assert plan_of(page.url), "the plan before it"


def test_a_reload_and_a_link_show_the_same_screen(page: Page) -> None:
    visit(page, "Frontier")
    take(page, 0.4)
    page.get_by_role("radio", name="BOPs").click()
    expect(page).to_have_url(re.compile("cost=bops"))
    settle(page)
    strip, link = current(page), page.url
    page.reload()
    page.get_by_role("heading", name="Frontier", exact=True).wait_for()
    settle(page)
    expect(page.get_by_role("radio", name="BOPs")).to_be_checked()
    expect(page.locator(".st-key-strip")).to_have_text(strip, use_inner_text=True)
    assert page.url == link
    expect(page).to_have_title(f"Frontier · {STUDY} – Mixed-precision explorer")


def test_the_first_page_has_the_address_that_the_others_have(page: Page) -> None:
    page.get_by_role("heading", name="Model", exact=True).wait_for()
    expect(page.get_by_text("Page not found")).to_have_count(0)
    expect(page).to_have_title(f"Model · {STUDY} – Mixed-precision explorer")
