"""A study of test images alone: every page says so, and none claims the opposite."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer import studies
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.questions import LapqQuestion
from explorer.runs import Store
from tests import learnable
from tests.archive import write_arrays
from tests.ui.shell.test_pages import sound

from .conftest import PAGES, Opens

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture
def only_test_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Where the study is, which the operator named."""
    toml = learnable.write(tmp_path / "test only")
    arrays = {name: array for name, array in learnable.arrays().items() if name.startswith("test")}
    write_arrays(toml.parent / "data.npz", arrays)
    monkeypatch.setenv("EXPLORER_STUDIES", str(toml.resolve()))
    return str(toml.resolve())


def everything(page: AppTest) -> str:
    """All that a page says, tooltips included."""
    widgets = (*page.selectbox, *page.number_input, *page.multiselect, *page.segmented_control)
    texts = [text for each in widgets for text in (each.label, each.help)]
    return " ".join([*texts, *(each.value for each in (*page.caption, *page.info, *page.markdown))])


@pytest.mark.parametrize("page", PAGES)
def test_every_page_says_that_the_test_images_serve_for_training(
    opens: Opens, only_test_images: str, page: str
) -> None:
    remark = studies.load_network(only_test_images).remark
    shown = sound(opens(page, study=only_test_images))
    assert remark in [caption.value for caption in shown.caption]
    said = everything(shown).replace(str(remark), "")
    for claim in ("never searched on", "is chosen on them", "raining images", "raining set", "raining rows"):
        assert claim not in said


def test_the_phases_of_a_search_say_so_too(opens: Opens, only_test_images: str) -> None:
    study = studies.load_network(only_test_images)
    execute(Store.open(), spec_of(study, LapqQuestion(calibration=64, method="gradient")))
    page = opens("step_sizes", study=only_test_images)
    page.selectbox(key="steps_images").select(64)
    page = sound(page.selectbox(key="steps_method").select("gradient").run())
    said = everything(page).replace(str(study.remark), "")
    assert "Calibration: 64 test images" in said
    assert "raining images" not in said


def test_a_study_with_training_images_says_nothing(opens: Opens, toml: str) -> None:
    assert "no training images" not in everything(sound(opens("step_sizes", study=toml)))
