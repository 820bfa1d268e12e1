"""Runs in the browser: the list serves to name, compare and delete them, and a training stands under its own plan."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Page, expect

from explorer import studies
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import EvaluateQuestion, FinetuneQuestion, TracesQuestion
from explorer.runs import Store
from tests import learnable
from tests.e2e.conftest import App, retried, serve, settle

TRAINED, OTHER = "2.2.2.2_8.8.8.8", "3.2.2.2_8.8.8.8"
HEAD, ROW = 36, 35  # pixels of the table


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The app with a small study that was trained twice with one plan, for as long as usual and for one epoch."""
    folder = tmp_path_factory.mktemp("runs")
    toml = str(learnable.write(folder / "learnable").resolve())
    study = studies.load_network(toml)
    store = Store.open(home=folder / "home")
    execute(store, spec_of(study, EvaluateQuestion()), study=study)
    execute(store, spec_of(study, TracesQuestion(rel_se=0.5)), study=study)
    plan = Plan.uniform(study, study.blocks(), 2, 8).to_json()
    for epochs in (None, 1):
        execute(store, spec_of(study, FinetuneQuestion(plan=plan, epochs=epochs)), study=study)
    store.close()
    with serve(folder, EXPLORER_STUDIES=toml) as running:
        yield replace(running, url=f"{running.url}/runs?study={quote(toml)}")


@pytest.fixture
def store(app: App) -> Iterator[Store]:
    opened = Store.open(home=Path(app.home))
    yield opened
    opened.close()


def choose(page: Page, row: int) -> None:
    """Click the box at the left of a row."""
    table = page.get_by_test_id("stDataFrame").first
    box = table.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 12, box["y"] + HEAD + ROW * row + ROW / 2)
    settle(page)


def test_a_run_is_renamed_deleted_and_brought_back(page: Page, store: Store) -> None:
    newest = store.list()[0]
    heading = page.get_by_role("heading", name=re.compile("^(Training|my training)"))
    retried(page, lambda: choose(page, 0), heading.is_visible)
    page.get_by_label("Name").fill("my training")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="my training")).to_be_visible()
    assert store.get(newest.id).name == "my training"

    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("Deleted: my training")).to_be_visible()
    expect(heading).to_have_count(0)
    assert newest.id not in {run.id for run in store.list()}
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Deleted: my training")).to_have_count(0)
    assert store.get(newest.id).result == newest.result
    assert newest.id in {run.id for run in store.list()}


def test_two_trainings_are_compared_by_what_differs(page: Page) -> None:
    compared = page.get_by_role("heading", name="2 runs compared")
    choose(page, 0)
    retried(page, lambda: choose(page, 1), compared.is_visible)
    names = page.locator(".js-plotly-plot").first
    names.wait_for()
    lines = names.evaluate("chart => chart.data.map(line => line.name)")
    assert len(set(lines)) == 2
    expect(page.get_by_text("Settings that differ")).to_be_visible()
    expect(page.locator("em").filter(has_text="Within noise")).to_be_visible()


def test_a_training_stands_under_its_own_plan_and_is_not_begun_twice(
    page: Page, app: App, store: Store
) -> None:
    trainings = {run.id for run in store.list(kind="finetune")}
    page.goto(f"{app.url.replace('/runs?', '/fine_tune?')}&plan={OTHER}")
    expect(page.get_by_role("heading", name="The current plan is not trained yet")).to_be_visible()
    expect(page.get_by_text("After training")).to_have_count(0)

    page.goto(f"{app.url.replace('/runs?', '/fine_tune?')}&plan={TRAINED}")
    expect(page.get_by_role("heading", name=re.compile("Training of the current plan"))).to_be_visible()
    settle(page)
    page.get_by_role("button", name="Start fine-tuning").click()
    expect(page.get_by_text("trained with these settings already")).to_be_visible()
    expect(page.get_by_text("After training")).to_be_visible()
    assert {run.id for run in store.list(kind="finetune")} == trainings


def test_a_run_at_work_leads_to_the_page_that_shows_it(page: Page, app: App, store: Store) -> None:
    """The list beside the pages names what runs, on which study, and is the way to it."""
    training = store.list(kind="finetune")[0]
    plan = training.spec.parameters["plan"]
    asked = training.spec.model_copy(update={"parameters": {"plan": plan, "epochs": 7}})
    lease = store.claim(store.submit(asked).id)
    beside = page.get_by_test_id("stSidebar")
    beside.get_by_role("button", name=re.compile("Training · learnable .* 7 epochs")).click()
    expect(page.get_by_role("heading", name="Fine-tune", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name=re.compile("Training of .*7 epochs"))).to_be_visible()
    expect(beside.get_by_role("button", name="Stop", exact=True)).to_be_visible()
    store.cancel(lease.run_id)
    lease.stopped()
    expect(page.get_by_role("button", name="Continue", exact=True)).to_be_visible()
