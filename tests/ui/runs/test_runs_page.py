"""The Runs page: every run in a list; one is described, several compared, and deleting can be undone."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from sqlalchemy import Connection
from streamlit.testing.v1 import AppTest

from explorer.access.persons import Person
from explorer.jobs import execute, housekeeping
from explorer.jobs.telling import titles
from explorer.runs import RunSpec, Store
from explorer.runs.database import Database
from explorer.ui.runs import listing, several
from explorer.ui.shell import door
from tests.ui.conftest import Opens

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


def chain(seed: int, **parameters: object) -> RunSpec:
    content = {"steps": 2, **parameters}
    return RunSpec(kind="selftest", study="none", fingerprint="0", parameters=content, seed=seed)


def chosen(page: AppTest, *ids: str) -> AppTest:
    page.session_state[listing.CHOSEN] = ids
    page.session_state[listing.TURN] = 1
    return page.run()


def press(page: AppTest, label: str) -> AppTest:
    [button] = [each for each in page.main.button if each.label == label]
    return button.click().run()


def rows(page: AppTest) -> list[str]:
    return list(page.main.dataframe[0].value["run"])


def test_an_empty_store_says_what_to_do(opens: Opens, home: Path) -> None:
    page = opens("runs", study="hawq-v3-resnet18")
    assert not page.exception
    assert "No run yet" in page.info[0].value


def test_a_run_is_named_and_deleted_and_comes_back(opens: Opens, monkeypatch: pytest.MonkeyPatch) -> None:
    """By nobody but whoever asked for it, here the operator."""
    store = Store.open()
    run = execute(store, chain(1))
    page = opens("runs", study="hawq-v3-resnet18")
    assert not page.exception
    assert rows(page) == [titles.of(run)]
    with monkeypatch.context() as another:
        another.setattr(door, "person", lambda: Person("Bob"))
        page = chosen(page, run.id)
        assert {each.label: each.disabled for each in page.main.button}.items() >= {"Save": True}.items()
    page = chosen(page, run.id)
    page.text_input[1].set_value("my chain")
    page = press(page, "Save")
    assert not page.exception
    assert rows(page) == ["my chain"]
    page = press(page, "Delete")
    assert not page.main.dataframe
    assert store.list() == ()
    page = press(page, "Undo")
    assert rows(page) == ["my chain"]
    assert store.get(run.id).result == run.result


def test_several_are_compared_by_their_differences(opens: Opens) -> None:
    store = Store.open()
    runs = [execute(store, chain(seed, steps=steps)) for seed, steps in ((1, 2), (2, 3))]
    page = chosen(opens("runs", study="hawq-v3-resnet18"), *(run.id for run in runs))
    assert not page.exception
    told = page.main.dataframe[1].value
    assert list(told[""]) == ["steps", "seed"]
    assert several.names([store.get(run.id) for run in runs]) == list(told.columns[1:])


def test_one_that_failed_says_why_and_shows_its_log(opens: Opens) -> None:
    store = Store.open()
    with pytest.raises(ZeroDivisionError):
        execute(store, chain(1, fail_at=1, error="unexpected"))
    page = chosen(opens("runs", study="hawq-v3-resnet18"), store.list()[0].id)
    assert not page.exception
    assert "Failed at 50%: The computation met an unexpected error" in page.warning[0].value.replace("\\", "")
    assert "ZeroDivisionError" in page.code[0].value


def test_the_list_is_read_by_a_few_queries_however_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand runs draw at once because no query is asked for each of them."""
    store = Store.open()
    runs = [execute(store, chain(seed)) for seed in range(8)]
    store.shelf.put_away([run.id for run in runs[:4]])
    asked: list[object] = []
    reading = Database.reading

    def counted(self: Database) -> AbstractContextManager[Connection]:
        asked.append(self)
        return reading(self)

    monkeypatch.setattr(Database, "reading", counted)
    assert len(listing.table(store.list(), housekeeping.disk(store))) == 4
    assert len(asked) == 2
