"""One folder for everything that is kept, however it is named."""

from pathlib import Path

import pytest

from explorer import places, plans
from explorer.errors import ExplorerError
from explorer.plans import Plan
from explorer.runs import Store
from explorer.studies import ProfileStudy, load
from explorer.studies.shipped import builtin


@pytest.fixture(autouse=True)
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person whose home is a folder of this test, and who works in another."""
    home = tmp_path / "person"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(home / "work")
    return home


@pytest.mark.parametrize(("named", "folder"), [("~/x", "x"), ("here", "work/here"), ("../up", "up")])
def test_the_store_the_plans_and_the_fetched_data_share_one_folder(
    person: Path, monkeypatch: pytest.MonkeyPatch, named: str, folder: str
) -> None:
    """A home written with ~ or relative to the working folder is one folder, also after the folder changes."""
    monkeypatch.setenv("EXPLORER_HOME", named)
    store = Store.open()
    store.close()
    study = load("hawq-v3-resnet18")
    assert isinstance(study, ProfileStudy)
    plans.save_plan(Plan.uniform(study, study.blocks(), 4, 8), "mine")
    assert store.home == places.home() == person / folder
    assert places.data_home() == person / folder / "data"
    assert len(list((person / folder / "plans").rglob("mine.json"))) == 1
    assert list((person / "work").glob("~*")) == []
    monkeypatch.setenv("EXPLORER_HOME", store.environment()["EXPLORER_HOME"])
    monkeypatch.chdir(person.parent)
    assert places.home() == person / folder, "a worker, wherever it starts, opens the same"


def test_without_the_variable_it_is_in_the_persons_home(
    person: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", "")
    assert places.home() == person / ".mixed-precision-explorer"


def test_the_folder_of_data_may_be_in_the_persons_home(person: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_DATA", "~/sets")
    assert places.operator_data() == person / "sets"
    (person / "sets" / "cifar10").mkdir(parents=True)
    for name in builtin.CIFAR_FILES:
        (person / "sets" / "cifar10" / name).touch()
    assert builtin.files_folder(builtin.CIFAR) == person / "sets" / "cifar10"


def test_the_home_of_nobody_is_a_mistake_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EXPLORER_HOME", "~nobody-of-that-name/x")
    with pytest.raises(ExplorerError, match=r"~nobody-of-that-name/x.*write the path out in full"):
        Store.open()
