"""The main job as a person does it, in a new store with the results that come with the project.

Every page opens with a picture; a click on the frontier, one block changed, one epoch, a better network. That traces
are computed on asking is shown by ``test_first_minutes.py``, on a small study of one's own.
"""

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import App, press, serve, settle, still, visit

ROW = 35  # pixels, of the table

# Where a dot of the exact frontier is on the screen, and its cost.
_FIND_DOT = """kilobytes => {
  const chart = document.querySelector('.js-plotly-plot');
  const trace = chart._fullData.find(data => data.name.startsWith('exact frontier'));
  const costs = Array.from(trace.x);
  const index = costs.findIndex(cost => cost > kilobytes);
  const box = chart.getBoundingClientRect(), {xaxis, yaxis} = chart._fullLayout;
  return {x: box.left + xaxis._offset + xaxis.d2p(costs[index]),
          y: box.top + yaxis._offset + yaxis.d2p(trace.y[index]), cost: costs[index]};
}"""


# Whether the list of an edited cell, narrowed by what was typed, would take this entry on Enter.
_CHOSEN = """entry => document.getElementById(
  document.activeElement?.getAttribute('aria-activedescendant'))?.innerText === entry"""


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    with serve(tmp_path_factory.mktemp("shipped"), EXPLORER_SHIPPED="yes") as running:
        yield running


def _number(text: str) -> float:
    found = re.search(r"[\d.,]+", text)
    assert found, text
    return float(found.group().replace(",", ""))


def test_every_page_of_a_new_store_opens_with_a_picture(page: Page) -> None:
    """Nothing is pressed but the menu; before, Sensitivity, Landscape, Step sizes and Frontier opened empty."""
    page.locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")
    for title in ("Model", "Sensitivity", "Landscape", "Frontier", "Step sizes", "Fine-tune", "Results"):
        visit(page, title)
        page.get_by_test_id("stMain").locator(".js-plotly-plot .main-svg").first.wait_for(state="attached")
    visit(page, "Sensitivity")
    expect(page.get_by_text("Shipped with the project, which computed it on")).to_be_visible()


def _click_a_dot(page: Page, kilobytes: int) -> tuple[dict[str, float], Locator]:
    """Take the first plan of the frontier that is larger; what the chart says of it, and the page's size."""
    page.wait_for_function("() => document.querySelector('.js-plotly-plot')?.dataset.handled")
    dot = page.evaluate(_FIND_DOT, kilobytes)
    press(page, dot["x"], dot["y"])
    size = page.get_by_test_id("stMetric").filter(has_text=re.compile("^Size"))
    size.wait_for()
    settle(page)
    return dot, size


def _train_one_epoch(page: Page) -> None:
    """Press Start on the Fine-tune page with one epoch, and wait for the end."""
    visit(page, "Fine-tune")
    page.get_by_text("Settings", exact=True).click()
    page.get_by_label("Epochs", exact=True).fill("1")
    page.get_by_label("Epochs", exact=True).press("Enter")
    expect(page.get_by_text("LSQ + distillation, 1 epoch")).to_be_visible()
    page.get_by_role("button", name="Start fine-tuning").click()
    expect(page.get_by_text("Training took")).to_be_visible(timeout=1_200_000)


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_from_opening_the_app_to_a_better_network(page: Page, app: App) -> None:
    """On the thin network, which trains ten times as fast as the one the app opens on."""
    started = time.monotonic()
    page.goto(f"{app.url}/?study=fashion-thin")
    page.get_by_role("heading", level=1).first.wait_for()
    settle(page)
    visit(page, "Frontier")
    dot, size = _click_a_dot(page, 10)
    clicked = _number(size.inner_text().split("\n")[-1])
    # neighbours lie a pixel apart
    assert clicked == pytest.approx(dot["cost"], abs=1.5)
    assert "plan=" in page.url, "the address keeps the choice"
    measured = page.locator(".st-key-plan_measured")
    expect(measured).to_contain_text("points")
    expect(measured).not_to_contain_text("so far")
    settle(page)

    _set_second_block(page, "6")
    expect(size).not_to_contain_text(f"{clicked:,.1f}")
    kilobytes = _number(size.inner_text().split("\n")[-1])

    _train_one_epoch(page)

    visit(page, "Results")
    before, after = _accuracies(page, kilobytes)
    assert after > before, "training brings accuracy back"
    print(f"the whole path took {time.monotonic() - started:.0f} s")


@pytest.mark.slow
@pytest.mark.timeout(2400)
def test_a_language_model_goes_the_whole_way(page: Page, app: App) -> None:
    """Traces, a click on the frontier, LAPQ's steps, a training and its results, in words of tokens and sequences."""
    page.goto(f"{app.url}/?study=tiny-language-model")
    page.get_by_role("heading", level=1).first.wait_for()
    settle(page)
    visit(page, "Model")
    expect(page.get_by_text("as wide as their features")).to_be_visible()
    visit(page, "Sensitivity")
    expect(page.get_by_text("Shipped with the project, which computed it on")).to_be_visible()
    visit(page, "Frontier")
    dot, size = _click_a_dot(page, 100)
    kilobytes = _number(size.inner_text().split("\n")[-1])
    assert kilobytes == pytest.approx(dot["cost"], abs=1.5)
    visit(page, "Step sizes")
    expect(page.get_by_text("All steps are optimised jointly")).to_be_visible()

    _train_one_epoch(page)
    expect(page.get_by_test_id("stMain")).not_to_contain_text("images")
    visit(page, "Results")
    before, after = _accuracies(page, kilobytes)
    assert after >= before, "what is kept is no worse than the plan without training, by sequences held out"
    expect(page.get_by_test_id("stMain")).to_contain_text("token accuracy and loss are on the test sequences")


def _set_second_block(page: Page, bits: str) -> None:
    """Change the weight bits of layer1.0.conv1 in the table, as a person would: double click, type, Enter."""
    table = page.get_by_test_id("stDataFrame").first
    table.scroll_into_view_if_needed()
    still(table)
    box = table.bounding_box()
    assert box is not None
    page.mouse.dblclick(box["x"] + 0.62 * box["width"], box["y"] + 2 * ROW + ROW / 2)
    page.wait_for_function("() => document.activeElement?.matches('[id^=gdg-overlay] input')")
    page.keyboard.type(bits, delay=100)
    page.wait_for_function(_CHOSEN, arg=bits)
    page.keyboard.press("Enter")
    settle(page)


def _accuracies(page: Page, kilobytes: float) -> tuple[float, float]:
    """Accuracy without and after training of the plan of this size, read off the figure."""
    chart = page.locator(".js-plotly-plot").first
    chart.wait_for()
    sizes, *values = chart.evaluate(
        "chart => [chart.data[0].x, chart.data[0].y, chart.data[1].y].map(each => Array.from(each))"
    )
    nearest = min(range(len(sizes)), key=lambda i: abs(sizes[i] - kilobytes))
    assert sizes[nearest] == pytest.approx(kilobytes, abs=0.1)
    return float(values[0][nearest]), float(values[1][nearest])
