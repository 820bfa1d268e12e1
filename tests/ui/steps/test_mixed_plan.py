"""Step sizes of the current plan: its widths are asked for and kept, and it is not replaced unasked."""

from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.plans import BlockBits, Plan
from explorer.questions import LapqQuestion
from explorer.runs import RunSpec, Store
from explorer.studies import Study
from tests.ui.conftest import Opens, held, hold
from tests.ui.shell.test_pages import sound
from tests.ui.steps.test_steps_page import FEW, asked, choose, few, pick, press, said

__all__ = ["asked"]  # the fixture: what the page asked a worker for

pytestmark = pytest.mark.usefixtures("settled")


@pytest.fixture
def plan(study: Study) -> Plan:
    widths = zip(study.blocks(), (8, 3, 2, 4), (8, 4, 6, 3), strict=True)
    return Plan(
        study.name, study.weights_sha256, {block.name: BlockBits(w, a) for block, w, a in widths}, "mine"
    )


def holding(opens: Opens, toml: str, plan: Plan) -> AppTest:
    """The page with few images, and this plan the current one."""
    page = few(opens, toml)
    hold(page, toml, plan)
    return sound(page.run())


def buttons(page: AppTest) -> set[str]:
    return {button.label for button in page.button}


def test_the_widths_of_the_current_plan_come_first(
    opens: Opens, toml: str, study: Study, plan: Plan, asked: list[RunSpec]
) -> None:
    page = holding(opens, toml, plan)
    assert page.selectbox(key="steps_source").value == "plan"
    assert "steps_weights" not in {each.key for each in page.selectbox}
    press(page, "Compute")
    assert asked == [spec_of(study, LapqQuestion(plan=plan, **FEW))]


def test_the_steps_of_a_plan_keep_its_widths(opens: Opens, toml: str, study: Study, plan: Plan) -> None:
    """Nothing is asked, since nothing is lost; the answer stays on the page, for the widths are the same."""
    execute(Store.open(), spec_of(study, LapqQuestion(plan=plan, **FEW)))
    page = press(holding(opens, toml, plan), "Use these steps")
    new = held(page).now
    assert new is not None
    assert new.steps is not None
    assert new.blocks == plan.blocks
    assert set(new.steps.layers) == {"0", "3", "6", "11"}
    assert new.name == "LAPQ W2-8A3-8"
    assert "All steps are optimised jointly" in said(page)
    assert "Replace the plan" not in buttons(page)


def test_a_mixed_plan_is_replaced_by_a_uniform_one_only_when_that_is_said(
    opens: Opens, toml: str, study: Study, plan: Plan
) -> None:
    execute(Store.open(), spec_of(study, LapqQuestion(**FEW)))
    page = choose(holding(opens, toml, plan), "steps_source", "one")
    page = press(page, "Use these steps")
    assert held(page).now == plan
    assert any("Using them replaces your mixed plan" in each.value for each in page.warning)
    page = press(page, "Keep the plan")
    assert held(page).now == plan
    assert "Replace the plan" not in buttons(page)
    page = press(press(page, "Use these steps"), "Replace the plan")
    new = held(page).now
    assert new is not None
    assert new.w_bits == {"0": 32, "3": 4, "6": 4, "11": 32}
    assert held(page).past[-1] == plan, "what Undo brings back"


def test_without_a_plan_there_is_one_width_for_all(opens: Opens, toml: str) -> None:
    page = few(opens, toml)
    assert "steps_source" not in {each.key for each in page.selectbox}
    assert page.selectbox(key="steps_weights").value == 4


@pytest.mark.parametrize(
    ("bits", "sentence"),
    [(16, "block 3: the weights cannot have 16 bits here"), (32, "leaves every block in FP32")],
)
def test_a_plan_that_has_no_steps_is_a_sentence(
    opens: Opens, toml: str, study: Study, plan: Plan, bits: int, sentence: str
) -> None:
    whole = Plan.uniform(study, study.blocks(), 32, 32)
    page = holding(opens, toml, whole if bits == 32 else plan.with_bits("3", w_bits=bits))
    assert any(sentence in info.value for info in page.info)
    assert "Compute" not in buttons(page)


@pytest.mark.parametrize("view", ["Manual", "Two-step surface", "Interactions", "Methods", "Sweeps"])
def test_every_view_asks_with_the_widths_of_the_plan(
    opens: Opens, toml: str, plan: Plan, asked: list[RunSpec], view: str
) -> None:
    page = pick(holding(opens, toml, plan), "steps_view", view)
    if view != "Manual":
        page = press(page, "Compute")
        parameters: Any = asked[0].parameters
        assert parameters["plan"] == LapqQuestion(plan=plan).plan
        return
    page = press(page, "Use these steps")
    new = held(page).now
    assert new is not None
    assert new.blocks == plan.blocks


def test_a_difference_within_the_noise_is_grey_and_said_to_be(opens: Opens, toml: str, plan: Plan) -> None:
    page = pick(holding(opens, toml, plan), "steps_view", "Manual")
    page = choose(
        page, "steps_site", "0.weight"
    )  # eight bits: a step a little smaller changes next to nothing
    [slider] = page.slider
    page = sound(slider.set_value(0.98).run())
    [loss] = [metric for metric in page.metric if metric.label == "Loss"]
    assert loss.delta.endswith("(within noise)")
    assert "No difference can be seen with 64 images" in said(page)
    page = sound(page.slider[0].set_value(0.2).run())
    [loss] = [metric for metric in page.metric if metric.label == "Loss"]
    assert "±" in loss.delta
