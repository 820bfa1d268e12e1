"""Every page is drawn, whatever there is to show, and a mistake in a link is a sentence."""

from pathlib import Path
from types import ModuleType

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.qat.methods import METHODS, StraightThrough
from explorer.questions import EvaluateQuestion, FinetuneQuestion, TracesQuestion
from explorer.runs import Store
from explorer.studies import DEFAULT, Study
from explorer.ui.sensitivity import trace_form
from explorer.ui.shell import frame, navigation
from explorer.ui.state import link
from tests.ui.conftest import PAGES, PROFILE, Opens

TITLES = {
    "model": "Model",
    "sensitivity": "Sensitivity",
    "landscape": "Landscape",
    "frontier": "Frontier",
    "step_sizes": "Step sizes",
    "fine_tune": "Fine-tune",
    "results": "Results",
    "export": "Export",
    "runs": "Runs",
}
PLAN = "4.4.2.8_8.8.8.8"  # 108·4 + 108·4 + 192·2 + 48·8 bits = 204 bytes


def sound(page: AppTest) -> AppTest:
    """The page, once it is sure that nothing failed on it."""
    assert not page.exception, [each.stack_trace for each in page.exception]
    assert [each.value for each in page.error] == []
    return page


def metrics(page: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in page.metric}


def pictures(page: AppTest) -> int:
    return len(page.get("plotly_chart"))


@pytest.mark.parametrize("page", PAGES)
def test_with_nothing_computed_a_network_has_every_page(
    opens: Opens, app: list[str], toml: str, study: Study, page: str
) -> None:
    shown = sound(opens(page, study=toml))
    assert [title.value for title in shown.title] == [TITLES[page]]
    assert not shown.warning
    assert metrics(shown)["FP32 size"] == "1.8 kB"
    assert app == ["evaluate"], "only the accuracy of the network is asked for unasked"
    assert Store.open().find(spec_of(study, EvaluateQuestion())) is not None, "the command line's question"
    if page not in ("model", "runs"):  # where that accuracy is shown
        assert shown.info, "a page with nothing to show says how to get something"


@pytest.mark.parametrize("page", PAGES)
def test_published_figures_have_every_page(opens: Opens, app: list[str], page: str) -> None:
    shown = sound(opens(page, study=PROFILE))
    assert [title.value for title in shown.title] == [TITLES[page]]
    assert metrics(shown)["FP32 accuracy"] == "–"
    assert app == [], "there is nothing to compute"
    assert pictures(shown) == (1 if page in ("model", "sensitivity", "frontier", "results") else 0)


@pytest.mark.parametrize(
    ("page", "drawn"), [("model", 1), ("sensitivity", 1), ("frontier", 2), ("fine_tune", 1), ("results", 3)]
)
@pytest.mark.usefixtures("lived_in_home")
def test_with_everything_computed_every_page_shows_it(
    opens: Opens, app: list[str], toml: str, page: str, drawn: int
) -> None:
    shown = sound(opens(page, study=toml, plan=PLAN))
    assert pictures(shown) == drawn
    numbers = metrics(shown)
    assert numbers["Current plan"] == "204 B"
    assert numbers["Compression"] == "8.94×"
    assert numbers["Predicted damage (Hessian trace)"] != "–"
    assert "±" in numbers["FP32 accuracy"]
    assert app == [], "what is known is not computed again"


@pytest.mark.usefixtures("settled", "lived_in_home")
def test_results_have_a_row_for_the_training(opens: Opens, toml: str) -> None:
    shown = sound(opens("results", study=toml))
    rows = shown.dataframe[0].value
    assert len(rows) == 1
    assert rows["run"][0] == "114 B · W2, A8 · LSQ + distillation · 1 epoch · batch size 16"
    assert list(rows["plan"][0]) == [2, 2, 2, 2]
    assert rows["after"][0] > rows["before"][0]
    assert rows["omega"][0] > 0
    [take] = [button for button in shown.button if button.label == "Use this plan"]
    taken = sound(take.click().run())
    assert taken.query_params["plan"] in (["2.2.2.2_8.8.8.8"], "2.2.2.2_8.8.8.8")


def test_the_table_of_blocks_is_drawn_when_it_is_opened(opens: Opens, toml: str) -> None:
    shown = sound(opens("model", study=toml))
    assert not shown.dataframe
    shown.session_state["blocks_table"] = True
    assert len(sound(shown.run()).dataframe[0].value) == 4


def test_the_app_opens_on_the_default_study(opens: Opens) -> None:
    shown = sound(opens("model"))
    assert shown.selectbox(key="study_picker").value == DEFAULT
    assert not shown.query_params, "what is the default is left out"
    assert pictures(shown) == 1


@pytest.mark.parametrize("page", PAGES)
def test_a_deep_link_makes_its_plan_the_current_one_and_keeps_it(opens: Opens, toml: str, page: str) -> None:
    shown = sound(opens(page, study=toml, plan=PLAN))
    assert metrics(shown)["Current plan"] == "204 B"
    assert not shown.warning
    assert PLAN in shown.query_params["plan"]


def test_a_deep_link_says_that_step_sizes_are_not_in_it(opens: Opens, toml: str) -> None:
    shown = sound(opens("results", study=toml, plan=PLAN, steps="own"))
    assert metrics(shown)["Current plan"] == "204 B"
    assert ["which a link does not hold" in warning.value for warning in shown.warning] == [True]
    assert "steps" not in shown.query_params
    assert not sound(shown.run()).warning


@pytest.mark.parametrize("where", [(navigation, "choose"), (link, "decode"), (frame, "sidebar")])
def test_a_click_in_the_menu_while_a_link_is_opened_keeps_what_the_link_says(
    opens: Opens, toml: str, monkeypatch: pytest.MonkeyPatch, where: tuple[ModuleType, str]
) -> None:
    with monkeypatch.context() as clicked:
        clicked.setattr(*where, lambda *_: st.stop())  # as a click ends the run of the script
        shown = opens("start", study=toml, plan=PLAN)
    shown.query_params.clear()  # as the menu does
    shown = sound(shown.switch_page("pages/model.py").run())
    assert toml in shown.query_params["study"]
    assert metrics(shown)["Current plan"] == "204 B"


def test_a_deep_link_carries_the_partition(opens: Opens, toml: str, study: Study) -> None:
    modules = len(study.blocks("module"))
    text = f"{'.'.join(['4'] * modules)}_{'.'.join(['8'] * modules)}"
    shown = sound(opens("model", study=toml, blocks="module", plan=text))
    assert "module" in shown.query_params["blocks"]
    assert text in shown.query_params["plan"]


@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        (
            {"study": "/etc/passwd"},
            "The link names the study '/etc/passwd', which this app was not started with.",
        ),
        ({"study": "x" * 100_000}, "xxx', which this app was not started with."),
        ({"plan": "4." * 100_000}, "it does not have one width for each of the 4 blocks"),
        ({"plan": "4.4.4.4_8.8.8." + "9" * 10_000}, "it holds something that is not a number of bits"),
        ({"plan": "4.4_8.8"}, "it does not have one width for each of the 4 blocks"),
        ({"plan": "4.4.4.4"}, "it does not have one width for each of the 4 blocks"),
        ({"plan": "4.4.x.4_8.8.8.8"}, "it holds something that is not a number of bits"),
        ({"plan": "4.4.٤.4_8.8.8.-8"}, "it holds something that is not a number of bits"),
        ({"plan": "4.4.9.4_8.8.8.8"}, "weights cannot have 9 bits; a width is one of 1 to 8, 16 and 32 bits"),
        ({"plan": "4.4.4.4_8.8.8.0"}, "activations cannot have 0 bits"),
    ],
)
def test_a_wrong_link_is_a_sentence_and_the_page_goes_on(
    opens: Opens, toml: str, address: dict[str, str], sentence: str
) -> None:
    shown = sound(opens("model", **{"study": toml, **address}))
    [warning] = shown.warning
    assert sentence in warning.value
    assert metrics(shown)["Current plan"] == "none yet"
    assert [title.value for title in shown.title] == ["Model"]
    assert not sound(shown.run()).warning, "said once"


def test_an_unknown_partition_in_a_link_is_passed_over(opens: Opens, toml: str) -> None:
    assert "blocks" not in sound(opens("model", study=toml, blocks="pixel")).query_params


def test_choosing_a_study_leaves_the_plan_behind(opens: Opens, toml: str) -> None:
    shown = opens("model", study=toml, plan=PLAN)
    picked = sound(shown.selectbox(key="study_picker").select(PROFILE).run())
    assert PROFILE in picked.query_params["study"]
    assert "plan" not in picked.query_params
    assert metrics(picked)["Current plan"] == "none yet"


@pytest.mark.usefixtures("settled")
def test_compute_traces_asks_for_them(opens: Opens, app: list[str], toml: str, study: Study) -> None:
    shown = opens("sensitivity", study=toml)
    [compute] = [button for button in shown.button if button.label == "Compute traces"]
    sound(compute.click().run())
    assert "traces" in app
    [run] = Store.open().list(kind="traces")
    assert run.spec == spec_of(study, TracesQuestion(rel_se=trace_form.DEFAULT_PRECISION))


@pytest.mark.usefixtures("settled")
def test_start_fine_tuning_asks_for_the_current_plan(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    shown = opens("fine_tune", study=toml, plan="2.2.2.2_8.8.8.8")
    [start] = [button for button in shown.button if button.label == "Start fine-tuning"]
    [epochs] = [field for field in shown.number_input if field.label == "Epochs"]
    epochs.set_value(3)
    sound(start.click().run())
    assert "finetune" in app
    [run] = Store.open().list(kind="finetune")
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    assert run.spec == spec_of(study, FinetuneQuestion(plan=plan.to_json(), epochs=3))


@pytest.mark.usefixtures("settled")
def test_every_method_of_the_library_is_offered_with_its_optimizer(
    opens: Opens, toml: str, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A method added by the recipe of CONTRIBUTING appears by itself."""

    class Another(StraightThrough):
        title = "another way"

    monkeypatch.setitem(METHODS, "another", Another)
    shown = opens("fine_tune", study=toml, plan="2.2.2.2_8.8.8.8")
    [method] = [field for field in shown.selectbox if field.label == "Method"]
    [optimizer] = [field for field in shown.selectbox if field.label == "Optimizer"]
    [start] = [button for button in shown.button if button.label == "Start fine-tuning"]
    assert method.options == [f"{each.title[:1].upper()}{each.title[1:]}" for each in METHODS.values()]
    method.set_value("another")
    optimizer.set_value("adamw")
    sound(start.click().run())
    [run] = Store.open().list(kind="finetune")
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    asked = FinetuneQuestion(plan=plan.to_json(), method="another", optimizer="adamw")
    assert run.spec == spec_of(study, asked)


@pytest.mark.usefixtures("settled")
def test_a_cancelled_training_says_so_and_can_be_resumed(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    store = Store.open()
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    run = store.submit(spec_of(study, FinetuneQuestion(plan=plan.to_json())), "Fine-tuning tiny")
    store.cancel(run.id)
    shown = sound(opens("fine_tune", study=toml))
    assert "Stopped at 0%; what was computed is kept." in [info.value for info in shown.info]
    sound(shown.button(key=f"panel-resume-{run.id}").click().run())
    assert run.id in app, "a worker was launched for it"
    assert store.get(run.id).status == "queued"


def test_a_failed_training_shows_its_sentence(opens: Opens, toml: str, study: Study) -> None:
    store = Store.open()
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    run = store.submit(spec_of(study, FinetuneQuestion(plan=plan.to_json())))
    store.claim(run.id).fail("the training loss is not finite any more")
    shown = sound(opens("fine_tune", study=toml))
    assert "the training loss is not finite any more" in shown.warning[0].value


@pytest.mark.usefixtures("settled", "lived_in_home")
def test_a_plan_is_saved_under_its_name_and_a_bad_name_is_a_sentence(
    opens: Opens, toml: str, lived_in_home: Path
) -> None:
    shown = opens("frontier", study=toml, plan=PLAN)
    [name] = [field for field in shown.text_input if field.label == "Name"]
    [save] = [button for button in shown.button if button.label == "Save"]
    name.set_value("no/folder")
    refused = save.click().run()
    assert not refused.exception
    assert "a plan cannot be called 'no/folder'" in refused.error[0].value
    [name] = [field for field in refused.text_input if field.label == "Name"]
    [save] = [button for button in refused.button if button.label == "Save"]
    name.set_value("small")
    saved = sound(save.click().run())
    assert metrics(saved)["small"] == "204 B"
    assert [path.name for path in (lived_in_home / "plans").rglob("*.json")] == ["small.json"]
