"""Fine-tune shows the training of the current plan, another one only by its name, and never trains the same twice."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer.evaluation.split_value import Evaluation
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import FinetuneQuestion
from explorer.runs import Store
from explorer.studies import Study
from explorer.ui.shell.opening import TRAINING_SHOWN
from explorer.ui.training import closer, picture, settings
from tests.ui.conftest import PROFILE, Opens

pytestmark = pytest.mark.usefixtures("settled")
TRAINED, OTHER = "2.2.2.2_8.8.8.8", "3.2.2.2_8.8.8.8"
OF_TRAINED = "114 B · W2, A8 · LSQ + distillation · 1 epoch · batch size 16"


def headings(page: AppTest) -> list[str]:
    return [each.value.replace("\\", "") for each in page.header]


@pytest.mark.usefixtures("lived_in_home")
def test_another_plans_training_is_not_shown_under_the_current_plan(opens: Opens, toml: str) -> None:
    page = opens("fine_tune", study=toml, plan=TRAINED)
    assert headings(page) == [f"Training of the current plan: {OF_TRAINED}"]
    assert any(metric.label == "After training" for metric in page.metric)
    page = opens("fine_tune", study=toml, plan=OTHER)
    assert headings(page) == ["The current plan is not trained yet"]
    assert not any(metric.label == "After training" for metric in page.metric)
    [pick] = [box for box in page.selectbox if box.label == "Trainings of this study"]
    assert pick.value is None
    assert pick.options == [OF_TRAINED]


@pytest.mark.usefixtures("lived_in_home")
def test_another_training_is_shown_under_its_own_name_until_the_plan_changes(opens: Opens, toml: str) -> None:
    [run] = Store.open().list(kind="finetune")
    page = opens("fine_tune", study=toml, plan=OTHER)
    page.session_state[TRAINING_SHOWN] = run.id
    page = page.run()
    assert headings(page) == [f"Training of another plan: {OF_TRAINED}"]
    [use] = [button for button in page.button if button.label == "Use this plan"]
    page = use.click().run()
    assert not page.exception
    assert headings(page) == [f"Training of the current plan: {OF_TRAINED}"]


def test_the_same_training_is_not_begun_twice(
    opens: Opens, app: list[str], toml: str, study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPLORER_HOME", str(tmp_path / "home"))
    store = Store.open()
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    run = store.submit(spec_of(study, FinetuneQuestion(plan=plan.to_json())))
    page = opens("fine_tune", study=toml, plan=TRAINED)

    def start() -> list[str]:
        [button] = [each for each in page.button if each.label == "Start fine-tuning"]
        return [info.value for info in button.click().run().info]

    assert any("running already" in words for words in start())
    store.cancel(run.id)
    assert any("goes on from where it was" in words for words in start())
    assert store.get(run.id).status == "queued"
    assert [each.id for each in store.list(kind="finetune")] == [run.id]
    assert "finetune" not in app, "nothing new was asked for"


def test_published_figures_offer_no_training(opens: Opens) -> None:
    page = opens("fine_tune", study=PROFILE)
    assert not page.exception
    assert "there are no weights to train" in page.info[0].value
    assert not [button for button in page.main.button if "fine-tuning" in button.label]


def value(accuracy: float) -> Evaluation:
    return Evaluation("test", 100, 1.0, 0.1, accuracy, 0.01)


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (0.95, ("+5.00 ± 1.41 points", True)),
        (0.85, ("-5.00 ± 1.41 points", False)),
        (0.91, ("+1.00 ± 1.41 points, within noise", None)),
    ],
)
def test_a_gain_is_judged_by_its_error(after: float, said: tuple[str, bool | None]) -> None:
    assert picture.gain(value(0.9), value(after)) == said


@pytest.mark.usefixtures("lived_in_home")
def test_what_is_looked_at_more_closely_is_drawn(opens: Opens, toml: str) -> None:
    """Each look of a finished training, one at a time."""
    [run] = Store.open().list(kind="finetune")
    page = opens("fine_tune", study=toml, plan=TRAINED)
    drawn = len(page.get("plotly_chart"))
    for look in (closer.LAYERS, closer.WEIGHTS, closer.FEATURES, closer.METHOD):
        page.session_state[f"training_look_{run.id}"] = look
        page = page.run()
        assert not page.exception
        assert len(page.get("plotly_chart")) == drawn + 1, look


@pytest.mark.usefixtures("lived_in_home")
def test_results_say_how_many_epochs_a_training_had(opens: Opens, toml: str, study: Study) -> None:
    """Also where nobody asked for any, so that the plan's widths decided."""
    plan = Plan.uniform(study, study.blocks(), 2, 8).to_json()
    execute(Store.open(), spec_of(study, FinetuneQuestion(plan=plan, logits=0, channels=0)), study=study)
    page = opens("results", study=toml)
    [table] = [each.value for each in page.dataframe if "epochs" in each.value]
    assert sorted(table["epochs"]) == [1, 5]


@pytest.mark.usefixtures("lived_in_home")
def test_a_sweep_is_queued_shown_as_one_group_stopped_and_resumed(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    """What was trained before is taken as it is; the group is on the Runs page too, with the same table."""
    store = Store.open()
    [before] = store.list(kind="finetune")
    page = opens("fine_tune", study=toml, plan=TRAINED)
    page.session_state["training_epochs"] = 1
    page.session_state[f"training_{settings.OWN}_batch_size"] = 16
    page.session_state["sweep_recipes"] = ["lsq", "ste"]
    page.session_state["sweep_seeds"] = 1
    page = page.run()
    [start] = [button for button in page.button if button.label == "Start the sweep"]
    page = start.click().run()
    assert not page.exception
    assert headings(page) == ["Sweep · learnable · 1 plan, 2 recipes, 1 seed"]
    assert any("1 of 2 were trained before" in info.value for info in page.info)
    [other] = [run for run in store.list(kind="finetune") if run.id != before.id]
    assert (other.status, app) == ("queued", ["finetune"])
    assert other.tags == store.get(before.id).tags

    def rows(of: AppTest) -> list[tuple[str, ...]]:
        [table] = [each.value for each in of.dataframe if "recipe" in each.value]
        return [tuple(row) for row in table[["recipe", "seeds", "judged"]].itertuples(index=False)]

    expected = [
        ("LSQ + distillation", "1 of 1", ""),
        ("straight-through estimator + distillation", "0 of 1", ""),
    ]
    assert rows(page) == expected
    [stop] = [button for button in page.button if button.label == "Stop all"]
    page = stop.click().run()
    assert store.get(other.id).status == "cancelled"
    [again] = [button for button in page.button if button.label == "Continue all that stopped"]
    page = again.click().run()
    assert store.get(other.id).status == "queued"
    page = opens("runs", study=toml)
    page.session_state["runs_sweep"] = other.tags[0]
    page = page.run()
    assert not page.exception
    assert rows(page) == expected
