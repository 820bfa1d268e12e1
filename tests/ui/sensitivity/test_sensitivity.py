"""The Sensitivity page in every state a study's traces can be in, and the block that is looked at."""

import json
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.questions import TracesQuestion
from explorer.runs import RunSpec, Store
from explorer.studies import Study
from explorer.ui.sensitivity import trace_form
from explorer.ui.shell import results
from tests.ui.conftest import PROFILE, Opens
from tests.ui.shell.test_pages import pictures, sound

BLOCK = "3"  # the depthwise convolution of the learnable study

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture(scope="module")
def computed(study: Study, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with traces of weights and of activations."""
    home = tmp_path_factory.mktemp("traces")
    store = Store.open(home=home)
    for of in ("weights", "activations"):
        execute(store, spec_of(study, TracesQuestion(of=of, rel_se=0.2)), title=f"{of} of learnable")
    store.close()
    return home


@pytest.fixture
def computed_home(computed: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EXPLORER_HOME", str(computed))
    return computed


def figures(page: AppTest) -> list[dict[str, Any]]:
    return [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]


def words(page: AppTest) -> str:
    """Everything that is said on the page."""
    said = [*page.markdown, *page.caption, *page.info, *page.warning]
    return "\n".join(each.value for each in said)


def compute(page: AppTest) -> Any:
    [button] = [each for each in page.button if each.label.startswith(("Compute", "Running"))]
    return button


def estimates(names: list[str], value: float) -> dict[str, Any]:
    common = {"n": 10, "trace": 10 * value, "mean_trace": value, "stderr": 1.0, "samples": 64}
    return {"blocks": [{"name": name, **common} for name in names]}


def test_with_nothing_computed_the_page_says_what_to_press(opens: Opens, toml: str) -> None:
    shown = sound(opens("sensitivity", study=toml))
    assert "Not computed yet. **Compute traces** takes" in words(shown)
    assert pictures(shown) == 0
    assert compute(shown).label == "Compute traces"


def test_both_asks_for_what_is_missing_of_weights_and_activations(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    shown = opens("sensitivity", study=toml)
    shown = sound(shown.segmented_control(key="trace_of").set_value("both").run())
    shown = sound(compute(shown).click().run())
    assert app.count("traces") == 2
    wanted = {
        spec_of(study, TracesQuestion()).run_id,
        spec_of(study, TracesQuestion(of="activations")).run_id,
    }
    assert {run.id for run in Store.open().list(kind="traces")} == wanted
    assert compute(shown).disabled, "they are on their way"


@pytest.mark.usefixtures("computed_home")
def test_of_two_only_the_missing_one_is_asked_for(opens: Opens, app: list[str], toml: str) -> None:
    shown = opens("sensitivity", study=toml, blocks="module")
    shown = sound(shown.segmented_control(key="trace_of").set_value("activations").run())
    assert compute(shown).label == "Compute activation traces"
    assert "traces" not in app


def test_the_method_asked_for_is_in_the_spec(opens: Opens, toml: str, study: Study) -> None:
    shown = opens("sensitivity", study=toml)
    for method in trace_form.METHODS:
        shown = sound(shown.radio(key="trace_method").set_value(method).run())
        shown = sound(compute(shown).click().run())
    specs = {run.spec for run in Store.open().list(kind="traces")}
    assert specs == {spec_of(study, TracesQuestion(method=method)) for method in trace_form.METHODS}


@pytest.mark.usefixtures("computed_home")
def test_a_smaller_error_is_a_run_of_its_own_that_continues(opens: Opens, toml: str, study: Study) -> None:
    shown = opens("sensitivity", study=toml)
    assert "continues from the samples" in shown.selectbox(key="trace_precision").help
    shown = sound(shown.selectbox(key="trace_precision").set_value(0.2).run())
    assert compute(shown).disabled, "these are there"
    shown = sound(shown.selectbox(key="trace_precision").set_value(0.1).run())
    assert pictures(shown) == 1, "the best there is stays in view"
    sound(compute(shown).click().run())
    store = Store.open()
    asked = store.find(spec_of(study, TracesQuestion(rel_se=0.1)))
    assert asked is not None
    store.delete(asked.id)


def test_estimates_are_drawn_while_they_come_and_the_run_can_be_paused(
    opens: Opens, toml: str, study: Study
) -> None:
    store = Store.open()
    run = store.submit(spec_of(study, TracesQuestion()), "Traces of learnable")
    lease = store.claim(run.id)
    shown = sound(opens("sensitivity", study=toml))
    assert "The first estimates appear here" in words(shown)
    lease.append("blocks", estimates(["0", "3"], 2.0))
    lease.report(0.4, "256 samples drawn, about 12 s left")
    shown = sound(opens("sensitivity", study=toml))
    [figure] = figures(shown)
    assert figure["layout"]["xaxis"]["ticktext"] == ["0", "3"]
    assert figure["data"][0]["error_y"]["array"] == [0.1, 0.1]
    assert "about 12 s left" in shown.get("progress")[0].proto.text
    [stop] = [button for button in shown.main.button if button.label == "Stop"]
    assert not stop.disabled
    assert "One block" not in [each.value for each in shown.header], "there is nothing final to look into"


@pytest.mark.usefixtures("computed_home")
def test_earlier_estimates_stay_until_the_new_ones_come(opens: Opens, toml: str, study: Study) -> None:
    store = Store.open()
    run = store.submit(spec_of(study, TracesQuestion(rel_se=0.02)))
    lease = store.claim(run.id)
    shown = opens("sensitivity", study=toml, block=BLOCK)
    shown = sound(shown.selectbox(key="trace_precision").set_value(0.02).run())
    assert "These are the earlier estimates" in words(shown)
    assert pictures(shown) == 3, "the block in hand stays too"
    lease.append("blocks", estimates(["0", "3", "6", "11"], 7.0))
    shown = sound(shown.run())
    assert "These are the earlier estimates" not in words(shown)
    assert figures(shown)[0]["data"][0]["y"] == [7.0] * 4
    lease.stopped()
    store.delete(run.id)


def test_a_paused_run_keeps_what_it_drew_and_continues(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    store = Store.open()
    run = store.submit(spec_of(study, TracesQuestion()))
    lease = store.claim(run.id)
    lease.append("blocks", estimates(["0"], 2.0))
    lease.report(0.4)
    store.cancel(run.id)
    lease.stopped()
    shown = sound(opens("sensitivity", study=toml))
    assert "Stopped at 40%; what was computed is kept." in words(shown)
    assert pictures(shown) == 1
    sound(shown.button(key=f"panel-resume-{run.id}").click().run())
    assert run.id in app
    assert store.get(run.id).status == "queued"


def test_a_stopped_run_has_one_button_that_goes_on_with_it(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    """Compute and Continue do not do the same beside each other."""
    store = Store.open()
    run = store.submit(spec_of(study, TracesQuestion()))
    store.cancel(run.id)
    shown = sound(opens("sensitivity", study=toml))
    assert compute(shown).disabled
    [again] = [button for button in shown.main.button if button.label == "Continue"]
    sound(again.click().run())
    assert run.id in app
    assert store.get(run.id).status == "queued"


@pytest.mark.usefixtures("computed_home")
def test_done_without_a_block_there_is_one_picture_and_how_to_see_more(opens: Opens, toml: str) -> None:
    shown = sound(opens("sensitivity", study=toml))
    assert pictures(shown) == 1
    assert "Click a dot above, or choose a block here" in words(shown)
    assert "It took" in words(shown)
    assert len(shown.dataframe[0].value) == 4


@pytest.mark.usefixtures("computed_home")
def test_a_link_to_a_block_opens_its_convergence_and_its_images(opens: Opens, toml: str) -> None:
    shown = sound(opens("sensitivity", study=toml, block=BLOCK))
    assert pictures(shown) == 3
    assert BLOCK in shown.query_params["block"]
    said = words(shown)
    assert "Convergence of the estimate" in said
    assert "Which images matter" in said
    assert "of the images account for at least" in said
    captions = [caption for image in shown.image for caption in image.captions]
    assert 1 <= len(captions) <= 10
    assert all("class " in caption and "±" in caption and "draws" in caption for caption in captions)


@pytest.mark.usefixtures("computed_home")
def test_a_block_chosen_from_the_list_goes_into_the_address(opens: Opens, toml: str) -> None:
    shown = opens("sensitivity", study=toml)
    [choice] = [each for each in shown.selectbox if each.label == "Block"]
    shown = sound(choice.set_value(BLOCK).run())
    assert BLOCK in shown.query_params["block"]
    assert pictures(shown) == 3
    [choice] = [each for each in shown.selectbox if each.label == "Block"]
    shown = sound(choice.set_value(None).run())
    assert "block" not in shown.query_params
    assert pictures(shown) == 1


@pytest.mark.usefixtures("computed_home")
def test_a_block_that_is_not_there_is_passed_over(opens: Opens, toml: str) -> None:
    shown = sound(opens("sensitivity", study=toml, block="layer9.conv9"))
    assert "block" not in shown.query_params
    assert pictures(shown) == 1


@pytest.mark.usefixtures("computed_home")
def test_both_stand_in_one_figure_in_the_order_of_the_weights(opens: Opens, toml: str) -> None:
    shown = opens("sensitivity", study=toml, block=BLOCK)
    shown.segmented_control(key="trace_of").set_value("both")
    shown.segmented_control(key="trace_order").set_value("rank")
    shown = sound(shown.run())
    picture = figures(shown)[0]
    assert {trace["yaxis"] for trace in picture["data"]} == {"y", "y2"}
    weights = next(trace for trace in picture["data"] if trace["yaxis"] == "y")
    assert weights["y"] == sorted(weights["y"], reverse=True)
    assert picture["layout"]["xaxis"]["ticktext"] == [name for [name] in weights["customdata"]]
    assert pictures(shown) == 5, "convergence and carriers of each"


@pytest.mark.usefixtures("computed_home")
def test_the_axis_can_be_linear_and_nothing_else_changes(opens: Opens, toml: str) -> None:
    shown = opens("sensitivity", study=toml)
    shown = sound(shown.segmented_control(key="trace_axis").set_value("linear").run())
    assert figures(shown)[0]["layout"]["yaxis"]["type"] == "linear"


@pytest.mark.parametrize(
    ("options", "drawn", "sentence"),
    [
        ({"method": "hutchinson", "samples": 1024}, 2, "cannot say what a single sample carries"),
        ({"method": "exact"}, 2, "there is nothing to converge"),
    ],
)
def test_a_method_without_draws_or_without_error_says_so(
    opens: Opens, toml: str, study: Study, options: dict[str, Any], drawn: int, sentence: str
) -> None:
    execute(Store.open(), spec_of(study, TracesQuestion(**options)))
    shown = sound(opens("sensitivity", study=toml, block=BLOCK))
    assert sentence in words(shown)
    assert pictures(shown) == drawn


def test_images_of_exact_traces_have_no_error(opens: Opens, toml: str, study: Study) -> None:
    execute(Store.open(), spec_of(study, TracesQuestion(method="exact")))
    shown = sound(opens("sensitivity", study=toml, block=BLOCK))
    captions = [caption for image in shown.image for caption in image.captions]
    assert len(captions) == 10
    assert not any("±" in caption or "draws" in caption for caption in captions)


def test_a_result_from_before_draws_were_kept_is_shown_and_says_so(
    opens: Opens, toml: str, study: Study
) -> None:
    store = Store.open()
    run = store.submit(spec_of(study, TracesQuestion()))
    old = estimates(["0", "3", "6", "11"], 2.0)
    common = {
        "study": "learnable",
        "of": "weights",
        "method": "output-probes",
        "seconds": 1.0,
        "note": "Old.",
    }
    store.claim(run.id).finish(old | common | {"seed": 0, "rel_se": 0.05, "unfinished": []})
    shown = sound(opens("sensitivity", study=toml, block=BLOCK))
    assert "draws of these traces were not kept" in words(shown)
    assert "before their course was kept" in words(shown)
    assert pictures(shown) == 1


def test_a_failed_run_shows_its_sentence(opens: Opens, toml: str, study: Study) -> None:
    store = Store.open()
    run = store.submit(spec_of(study, TracesQuestion()))
    store.claim(run.id).fail("block 3: its output is not finite")
    shown = sound(opens("sensitivity", study=toml))
    assert "block 3: its output is not finite" in shown.warning[0].value


def test_published_figures_have_no_form_and_no_views(opens: Opens) -> None:
    shown = sound(opens("sensitivity", study=PROFILE))
    assert pictures(shown) == 1
    assert "The publication gives no errors." in words(shown)
    assert not [button for button in shown.button if button.label.startswith("Compute")]
    assert [each.key for each in shown.segmented_control] == ["trace_order", "trace_axis"]


@pytest.mark.usefixtures("computed_home")
def test_the_other_view_is_there(opens: Opens, toml: str) -> None:
    shown = opens("sensitivity", study=toml)
    sound(shown.segmented_control(key="sensitivity_view").set_value("Eigenvalues").run())


@pytest.mark.usefixtures("computed_home")
def test_the_best_traces_are_those_whose_worst_block_is_best(study: Study) -> None:
    """Not those that asked for the smallest error: a budget may have ended them early."""
    best = results.traces(study, "layer")
    assert best is not None
    assert best.spec == spec_of(study, TracesQuestion(rel_se=0.2))
    store = Store.open()
    poor: RunSpec = spec_of(study, TracesQuestion(rel_se=0.01, samples=64))
    execute(store, poor)
    still = results.traces(study, "layer")
    store.delete(poor.run_id)
    assert still is not None
    assert still.id == best.id
