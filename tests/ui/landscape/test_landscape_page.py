"""The Landscape page: what is asked for, what is drawn of it, also while it grows, and what is said."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer import jobs
from explorer.cli import main
from explorer.errors import RunError
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.landscape import Slice, measure_slice, perturbation_norm, shared_radii
from explorer.landscape.radius import radius_of
from explorer.questions import LandscapeQuestion
from explorer.runs import Run, RunSpec, Store
from explorer.studies import Study
from explorer.ui.landscape import view as landscape_view
from explorer.ui.parts import run_panel
from explorer.ui.shell import results
from tests.ui.conftest import PROFILE, Opens

pytestmark = pytest.mark.usefixtures("settled")

QUICK = {"points": 17, "dims": 1, "samples": 512}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """What the page asked a worker for; none is started."""
    specs: list[RunSpec] = []

    def request(store: Store, spec: RunSpec, title: str = "", **_: Any) -> Run:
        specs.append(spec)
        return store.submit(spec, title)

    monkeypatch.setattr(run_panel, "request", request)
    return specs


def sound(page: AppTest) -> AppTest:
    assert not page.exception, [each.stack_trace for each in page.exception]
    assert [each.value for each in page.error] == []
    return page


def pictures(page: AppTest) -> int:
    return len(page.get("plotly_chart"))


def press(page: AppTest, label: str) -> AppTest:
    [button] = [button for button in page.button if button.label == label]
    return sound(button.click().run())


def pick(page: AppTest, key: str, value: Any) -> AppTest:
    """Choose in a segmented control."""
    return sound(page.segmented_control(key=key).set_value(value).run())


def spec(study: Study, block: str | None, **options: Any) -> RunSpec:
    """What the page asks for the first and the last block by default, or with these options."""
    asked = {**QUICK, "points": 33, "radius": radii(study)[block or "all blocks"], **options}
    return spec_of(study, LandscapeQuestion(block=block, **asked))


def radii(study: Study) -> dict[str, float | None]:
    """Of the default blocks: None for those whose own scale it is."""
    return shared_radii(
        {block: [perturbation_norm(study, block, 4)] for block in ("0", "11")}, quantization=False
    )


def test_with_nothing_measured_it_says_how_to_get_something(opens: Opens, toml: str) -> None:
    page = sound(opens("landscape", study=toml))
    assert [title.value for title in page.title] == ["Landscape"]
    assert page.multiselect[0].value == ["0", "11"], "without traces the first and the last block"
    assert "Not measured yet. **Compute** measures the loss at 33 points for each block" in page.info[0].value
    assert pictures(page) == 0


def test_published_figures_have_no_weights_to_move(opens: Opens) -> None:
    page = sound(opens("landscape", study=PROFILE))
    assert "there are no weights to move" in page.info[0].value


def test_with_traces_the_most_and_the_least_sensitive_block_are_offered_first(
    opens: Opens, toml: str, study: Study, lived_in_home: object
) -> None:
    page = sound(opens("landscape", study=toml))
    run = results.traces(study, "layer")
    assert run is not None
    blocks = sorted(results.trace_blocks(run), key=lambda block: block["mean_trace"])
    assert set(page.multiselect[0].value) == {blocks[-1]["name"], blocks[0]["name"]}
    assert pictures(page) == 1, "the strip to pick blocks from"


def test_compute_asks_for_one_run_a_block_on_one_scale(
    opens: Opens, toml: str, study: Study, asked: list[RunSpec]
) -> None:
    page = press(opens("landscape", study=toml), "Compute")
    blocks = ("0", "11")
    assert asked == [spec(study, block) for block in blocks]
    scales = {
        each.parameters.get("radius", radius_of(study, block, ()))
        for block, each in zip(blocks, asked, strict=True)
    }
    assert len(scales) == 1
    assert any("radius" not in each.parameters for each in asked), "the longest has its own scale"
    assert page.get("progress"), "their progress is shown"
    assert [button.disabled for button in page.button if button.label == "Running"] == [True], "asked once"


def test_every_option_is_part_of_the_question(
    opens: Opens, toml: str, study: Study, asked: list[RunSpec]
) -> None:
    page = opens("landscape", study=toml)
    page = pick(page, "landscape_dims", 2)
    page = pick(page, "landscape_directions", "quantization")
    page = sound(page.selectbox(key="landscape_bits").select(3).run())
    page = sound(page.multiselect[0].set_value(["6", "all blocks"]).run())
    press(page, "Compute")
    first, second = asked
    assert first.parameters["block"] == "6"
    assert "block" not in second.parameters, "all blocks"
    for each in asked:
        assert each.parameters["directions"] == "quantization"
        assert each.parameters["bits"] == [3, 2]
    assert "radius" not in second.parameters, "the scale is that of all blocks"
    reach = first.parameters["radius"]
    assert isinstance(reach, float)
    assert reach == radius_of(study, None, (3, 2))
    assert reach >= 1.1 * perturbation_norm(study, None, 2), "the longest is in the picture"


@pytest.mark.parametrize("directions", ["eigen", "quantization"])
def test_page_and_command_line_ask_the_same_of_one_block(
    opens: Opens, toml: str, asked: list[RunSpec], monkeypatch: pytest.MonkeyPatch, directions: str
) -> None:
    """A slice that the command line measured is there on the page, and the other way round."""
    page = sound(opens("landscape", study=toml).multiselect[0].set_value(["11"]).run())
    page = pick(page, "landscape_directions", directions)
    press(page, "Compute")

    def execute(store: Store, spec: RunSpec, **_: Any) -> Run:
        asked.append(spec)
        raise RunError("asked, and not computed")

    monkeypatch.setattr(jobs, "execute", execute)
    words = ["--block", "11", "--dims", "1", "--points", "33", "--directions", directions, "--bits", "4"]
    assert main(["landscape", "--study", toml, *words]) == 2
    of_page, of_command = asked
    assert of_page.run_id == of_command.run_id


@pytest.fixture
def measured(study: Study) -> Store:
    """A home in which the default lines, and planes at 9 a side, are there."""
    store = Store.open()
    for block in ("0", "11"):
        line = {"directions": "random", "samples": 128}
        execute(store, spec(study, block, points=17, **line), title=f"Landscape of {block}")
        execute(store, spec(study, block, **line, dims=2, points=9), title=f"Landscape of {block}")
    return store


@pytest.mark.usefixtures("measured")
def test_what_was_measured_is_drawn_in_every_way(opens: Opens, toml: str) -> None:
    page = opens("landscape", study=toml)
    page = pick(page, "landscape_directions", "random")
    page = sound(page.selectbox(key="landscape_images").select(128).run())
    assert pictures(page) == 1, "with fewer points than asked for, rather than none"
    for scale in ("log", "linear"):
        page = pick(page, "landscape_scale", scale)
        assert pictures(page) == 1
    words = " ".join(caption.value for caption in page.caption)
    assert "times as much as" in words
    assert "is off the most" in words
    assert "Rings show where bit widths fall" in words
    table = page.dataframe[0].value
    assert list(table["block"].unique()) == ["0", "11"]
    assert list(table["bits"][:5]) == [8, 6, 4, 3, 2]
    page = pick(page, "landscape_dims", 2)
    for drawn in ("3-D", "contours"):
        page = pick(page, "landscape_drawn", drawn)
        assert pictures(page) == 1
    assert "are drawn there" not in words, "the floor is said on the logarithmic scale alone"
    page = pick(page, "landscape_scale", "log")
    assert "are drawn there" in " ".join(caption.value for caption in page.caption)


def test_a_run_is_drawn_while_it_grows_and_can_be_paused_and_continued(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    store = Store.open()
    run = store.submit(spec(study, "11"), "Landscape of 11")
    whole = measure_slice(study, block="11", dims=1, points=33, directions="random")
    assert whole is not None
    lease = store.claim(run.id)
    lease.append("slice", whole.to_json(points=False))
    page = sound(sound(opens("landscape", study=toml)).multiselect[0].set_value(["11"]).run())
    assert pictures(page) == 1, "the prediction is there before the first point"
    lease.append("points", {"at": [[0], [16]], "loss": [2.0, 0.1], "stderr": [0.1, 0.0]})
    assert pictures(sound(page.run())) == 1
    assert not page.dataframe or len(page.dataframe[0].value) == 5
    lease.report(0.4, "2 of 33 points")
    lease.stopped()
    paused = sound(page.run())
    assert any("Stopped at 40%" in info.value for info in paused.info)
    press(paused, "Continue")
    assert run.id in app, "a worker was launched for it"


def test_a_run_that_failed_says_its_sentence(opens: Opens, toml: str, study: Study) -> None:
    store = Store.open()
    run = store.submit(spec(study, "0"), "Landscape of 0")
    store.claim(run.id).fail("block 0: its curvature is not finite")
    page = sound(opens("landscape", study=toml))
    assert any("block 0: its curvature is not finite" in warning.value for warning in page.warning)


def test_without_a_block_there_is_a_sentence(opens: Opens, toml: str) -> None:
    page = opens("landscape", study=toml)
    page = sound(page.multiselect[0].set_value([]).run())
    assert any("Choose at least one block" in info.value for info in page.info)


def test_the_choice_of_blocks_outlives_another_page(opens: Opens, toml: str) -> None:
    page = sound(opens("landscape", study=toml).multiselect[0].set_value(["3", "6"]).run())
    page = sound(page.switch_page("pages/model.py").run())
    page = sound(page.switch_page("pages/landscape.py").run())
    assert page.multiselect[0].value == ["3", "6"]


def test_points_of_a_slice_are_a_table(study: Study) -> None:
    found = measure_slice(study, block="11", directions="random", points=5, samples=16, radius=0.1)
    assert isinstance(found, Slice)
    table = landscape_view._points([found])
    assert list(table.columns) == ["block", "step_1", "step_2", "loss", "stderr", "predicted"]
    assert len(table) == 25
    row = table[(table.step_1 == found.coordinates[1]) & (table.step_2 == found.coordinates[3])]
    assert float(row.loss.iloc[0]) == found.loss[1, 3]
