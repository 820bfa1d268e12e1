"""The Step sizes page: what is asked for, what is shown of it as it arrives, and what is taken in hand."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.figures.steps import curves as step_curves
from explorer.figures.steps import methods as step_methods
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.lapq import LapqResult
from explorer.questions import (
    LapqHessianQuestion,
    LapqQuestion,
    LapqSurfaceQuestion,
    LapqSweepQuestion,
    LapqTableQuestion,
)
from explorer.questions.steps import Sweep
from explorer.runs import Run, RunSpec, Store
from explorer.studies import Study
from explorer.ui.parts import run_panel
from tests.ui.conftest import PROFILE, Opens, held
from tests.ui.shell.test_pages import metrics, pictures, sound

pytestmark = pytest.mark.usefixtures("settled")

FEW = {"calibration": 64, "method": "gradient"}


@pytest.fixture(autouse=True)
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RunSpec]:
    """What the page asked a worker for; none is started."""
    specs: list[RunSpec] = []

    def request(store: Store, spec: RunSpec, title: str = "", **parts: Any) -> Run:
        specs.append(spec)
        return store.submit(spec, title)

    monkeypatch.setattr(run_panel, "request", request)
    return specs


def press(page: AppTest, label: str) -> AppTest:
    [button] = [button for button in page.button if button.label == label]
    return sound(button.click().run())


def pick(page: AppTest, key: str, value: Any) -> AppTest:
    """Choose in a segmented control."""
    return sound(page.segmented_control(key=key).set_value(value).run())


def choose(page: AppTest, key: str, value: Any) -> AppTest:
    """Choose in a list."""
    return sound(page.selectbox(key=key).select(value).run())


def said(page: AppTest) -> str:
    return " ".join(each.value for each in (*page.caption, *page.info))


def test_with_nothing_computed_the_first_phase_is_there_and_says_how_to_go_on(
    opens: Opens, toml: str
) -> None:
    page = sound(opens("step_sizes", study=toml))
    assert "These steps are not computed yet. Press **Compute**" in page.info[0].value
    assert pictures(page) == 2, "a tensor with its grid, and all tensors to pick from"
    assert "are clipped to it" in said(page)


def test_published_figures_have_no_tensor_to_quantize(opens: Opens) -> None:
    page = sound(opens("step_sizes", study=PROFILE))
    assert "there is no tensor to quantize" in page.info[0].value


def test_compute_asks_for_what_was_chosen(
    opens: Opens, toml: str, study: Study, asked: list[RunSpec]
) -> None:
    page = opens("step_sizes", study=toml)
    page = choose(page, "steps_weights", 8)
    page = choose(page, "steps_activations", 3)
    page = choose(page, "steps_bias", "mean")
    page = choose(page, "steps_method", "powell")
    page = choose(page, "steps_images", 64)
    page = sound(page.multiselect(key=f"steps_left_{toml}").set_value(["11", "3"]).run())
    press(page, "Compute")
    wanted = spec_of(
        study, LapqQuestion(w_bits=8, a_bits=3, bias_correction="mean", calibration=64, leave=["3", "11"])
    )
    assert asked == [wanted]


def test_everything_in_full_precision_is_a_sentence(opens: Opens, toml: str) -> None:
    page = choose(opens("step_sizes", study=toml), "steps_weights", 32)
    page = choose(page, "steps_activations", 32)
    assert any("there is no step to choose" in info.value for info in page.info)


@pytest.fixture
def found(study: Study) -> LapqResult:
    """A home in which the steps of four bits were searched for."""
    store = Store.open()
    run = execute(store, spec_of(study, LapqQuestion(**FEW)), title="Step sizes W4A4")
    store.close()
    assert run.result is not None
    return LapqResult.from_json(run.result)


def few(opens: Opens, toml: str) -> AppTest:
    return choose(opens("step_sizes", study=toml), "steps_images", 64)


def test_every_phase_has_its_picture_and_its_numbers(opens: Opens, toml: str, found: LapqResult) -> None:
    page = few(opens, toml)
    assert "All steps are optimised jointly" in said(page)
    table = page.dataframe[0].value
    assert list(table["phase"])[-3:] == ["1 layer-wise", "2 best p", "3 joint"]
    assert table["calibration"].iloc[-1] == found.stages["joint"].calibration_loss
    assert table["loss_error"].iloc[-1] == found.stages["joint"].loss_stderr
    assert found.stages["joint"].accuracy is not None
    assert table["accuracy"].iloc[-1] == 100 * found.stages["joint"].accuracy
    [phases] = [each for each in page.segmented_control if each.label == "Phase"]
    assert phases.value == "joint", "the last that arrived"
    page = sound(phases.set_value("quadratic").run())
    assert "A small p clips many values" in said(page)
    [phases] = [each for each in page.segmented_control if each.label == "Phase"]
    page = sound(phases.set_value("layerwise").run())
    assert pictures(page) == 2
    assert "Filled dots are the result of the joint phase" in said(page)


def test_phases_are_shown_while_they_arrive(opens: Opens, toml: str, study: Study) -> None:
    store = Store.open()
    run = store.submit(spec_of(study, LapqQuestion(**FEW)), "Step sizes W4A4")
    lease = store.claim(run.id)
    page = few(opens, toml)
    assert pictures(page) == 2, "the first phase before any point"
    for p, loss in ((2.0, 0.5), (3.0, 0.4)):
        lease.append("p_curve", {"p": p, "loss": loss})
    page = sound(page.run())
    assert pictures(page) == 1
    assert "The parabola is fitted after the last point" in said(page)
    assert list(page.dataframe[0].value["calibration"].dropna()) == [0.5, 0.4]
    point = {"steps": [1.0], "loss": 0.3, "evaluations": 7, "forward_equivalents": 9.0}
    lease.append("path", point)
    page = sound(page.run())
    assert "All steps are optimised jointly" in said(page)
    assert list(page.dataframe[0].value["calibration"].dropna()) == [0.5, 0.4, 0.3]


def test_the_steps_are_taken_in_hand_and_training_gets_them(
    opens: Opens, toml: str, found: LapqResult
) -> None:
    page = press(few(opens, toml), "Use these steps")
    plan = held(page).now
    assert plan is not None
    assert plan.steps is not None
    assert plan.w_bits == {"0": 32, "3": 4, "6": 4, "11": 32}
    assert plan.steps.layers["3"].w_step == pytest.approx(found.steps["3.weight"])
    assert "own" in page.query_params["steps"], "a link to the plan says what it does not hold"
    assert metrics(page)["LAPQ W4A4"]
    page = sound(page.switch_page("pages/fine_tune.py").run())
    [start] = [button for button in page.button if button.label == "Start fine-tuning"]
    sound(start.click().run())
    [run] = Store.open().list(kind="finetune")
    of_run = run.spec.parameters["plan"]
    assert isinstance(of_run, dict)
    assert of_run["steps"] == plan.to_json()["steps"]


def test_a_quantizer_without_a_zero_cannot_be_taken(opens: Opens, toml: str, study: Study) -> None:
    execute(Store.open(), spec_of(study, LapqQuestion(**FEW, form="code")))
    page = choose(few(opens, toml), "steps_form", "code")
    [take] = [button for button in page.button if button.label == "Use these steps"]
    assert take.disabled


def view(opens: Opens, toml: str, name: str) -> AppTest:
    return pick(few(opens, toml), "steps_view", name)


def test_by_hand_the_loss_answers_to_the_slider(opens: Opens, toml: str, found: LapqResult) -> None:
    page = view(opens, toml, "Manual")
    before = metrics(page)
    assert pictures(page) == 3, "values with the grid, the losses tried, and all tensors"
    [slider] = page.slider
    page = sound(slider.set_value(3.0).run())
    after = metrics(page)
    assert before["Loss"] != after["Loss"]
    assert before["Accuracy"].endswith("%")
    assert "Changed: " in said(page)
    page = press(page, "Use these steps")
    plan = held(page).now
    assert plan is not None
    steps = plan.steps
    assert steps is not None
    name = page.selectbox(key="steps_site").value
    assert name is not None
    layer, kind = name.rsplit(".", 1)
    step = steps.layers[layer].w_step if kind == "weight" else steps.layers[layer].a_step
    assert step == pytest.approx(3.0 * found.steps[name])
    page = press(page, "Reset")
    assert metrics(page)["Loss"] == before["Loss"]


def test_a_surface_of_two_tensors_is_asked_for_and_drawn(
    opens: Opens, toml: str, study: Study, asked: list[RunSpec]
) -> None:
    page = view(opens, toml, "Two-step surface")
    page = choose(page, "steps_points", 17)
    pair = [page.selectbox(key=f"steps_{which}").value for which in ("first", "second")]
    press(page, "Compute")
    assert asked == [
        spec_of(study, LapqSurfaceQuestion(first=pair[0], second=pair[1], calibration=64, points=17))
    ]
    run = execute(Store.open(), asked[0])
    assert run.status == "done"
    page = sound(page.run())
    for drawn in ("3-D", "contours"):
        page = pick(page, "steps_drawn", drawn)
        assert pictures(page) == 1
    assert "path of Powell's method" in said(page)
    page = choose(page, "steps_second", pair[0])
    assert "Choose two different tensors" in said(page)


def test_couplings_are_asked_for_and_drawn_in_every_way(
    opens: Opens, toml: str, study: Study, asked: list[RunSpec]
) -> None:
    page = sound(view(opens, toml, "Interactions").toggle(key="steps_pairs").set_value(True).run())
    page = press(page, "Compute")
    assert asked == [spec_of(study, LapqHessianQuestion(w_bits=4, calibration=64))]
    execute(Store.open(), asked[0])
    page = sound(page.run())
    for shown in ("hessian", "coupling", "interactions", "distance", "bits", "shares"):
        page = pick(page, "steps_shown", shown)
        assert pictures(page) == 1, shown
    assert "Gaussian curvature with respect to" in said(page)


def test_methods_are_compared_in_one_table_and_one_is_taken(
    opens: Opens, toml: str, study: Study, asked: list[RunSpec]
) -> None:
    page = press(view(opens, toml, "Methods"), "Compute")
    assert asked == [spec_of(study, LapqTableQuestion(calibration=64))]
    run = execute(Store.open(), asked[0])
    assert run.result is not None
    page = sound(page.run())
    table = page.dataframe[0].value
    assert len(table) == len(run.result["rows"])
    assert {row["method"] for row in run.result["rows"]} == set(step_methods.NAMES), "each has a name"
    assert pictures(page) == 1
    page = press(choose(page, "steps_method_taken", 0), "Use these steps")
    row = run.result["rows"][1]
    assert row["method"] == "min-max"
    plan = held(page).now
    assert plan is not None
    assert plan.steps is not None
    assert plan.steps.layers["3"].w_step == pytest.approx(row["steps"]["3.weight"])


@pytest.mark.parametrize("sweep", ["p", "distance", "error"])
def test_every_curve_is_asked_for_and_drawn(
    opens: Opens, toml: str, study: Study, asked: list[RunSpec], sweep: Sweep
) -> None:
    page = choose(view(opens, toml, "Sweeps"), "steps_sweep", sweep)
    assert "This sweep is not computed yet" in said(page)
    page = press(page, "Compute")
    if sweep == "p":
        assert asked == [spec_of(study, LapqSweepQuestion(sweep=sweep, calibration=64))]
    assert asked[0].parameters["sweep"] == sweep
    execute(Store.open(), asked[0])
    page = sound(page.run())
    assert pictures(page) == 1


def test_the_same_curve_at_other_bits_is_drawn_beside_it(
    opens: Opens, toml: str, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, drawn = Store.open(), []
    for bits in (4, 2):
        execute(store, spec_of(study, LapqSweepQuestion(sweep="p", w_bits=bits, a_bits=bits, calibration=64)))
    execute(store, spec_of(study, LapqSweepQuestion(sweep="p", w_bits=3, a_bits=3, calibration=32)))
    figure = step_curves.figure

    def noting(view: Any, **options: Any) -> Any:
        drawn.append(view)
        return figure(view, **options)

    monkeypatch.setattr(step_curves, "figure", noting)
    page = view(opens, toml, "Sweeps")
    choose(choose(page, "steps_sweep", "p"), "steps_of", "accuracy")
    assert [curve.name for curve in drawn[-1].curves] == ["W4A4", "W2A2"], "not that of other images"
    assert len({curve.colour for curve in drawn[-1].curves}) == 2
