"""Choose for me on the Frontier page: the command line's question, its answer in sentences, its plan with one click."""

import pytest

from explorer import choosing
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.questions import ChooseQuestion, FrontierQuestion
from explorer.runs import Store
from explorer.studies import Study
from tests.ui.conftest import PROFILE, Opens, held
from tests.ui.frontier.test_frontier_page import press
from tests.ui.shell.test_pages import sound


@pytest.mark.usefixtures("lived_in_home", "settled")
def test_a_wish_becomes_the_current_plan(opens: Opens, app: list[str], toml: str, study: Study) -> None:
    shown = sound(opens("frontier", study=toml))
    wish = shown.number_input(key=f"max_drop_{study.name}")
    assert wish.value == 1.0
    shown = sound(wish.set_value(7.0).run())
    assert shown.query_params["lose"] == "7"
    press(shown, "Choose")
    assert "choose" in app
    asked = ChooseQuestion(max_drop=0.07, frontier=FrontierQuestion(damage="trace"))
    assert Store.open().find(spec_of(study, asked)) is not None, "the command line's question"
    run = execute(Store.open(), spec_of(study, asked))
    choice = choosing.Choice.from_json(run.result or {})
    shown = sound(opens("frontier", study=toml, lose="7"))
    [said] = [each.value for each in shown.markdown if "Promised: at most" in each.value]
    assert f"{100 * choice.at_most:.2f}" in said
    assert f"{100 * choice.measured.value:.2f}" in said
    taken = press(shown, "Take this plan")
    plan = held(taken).now
    assert plan is not None
    assert plan.to_json() == choice.plan
    assert taken.button(key="take_choice").disabled


@pytest.mark.usefixtures("lived_in_home", "settled")
def test_the_constraints_of_the_page_are_the_choice_s_too(opens: Opens, toml: str, study: Study) -> None:
    shown = sound(opens("frontier", study=toml, bits="2~4~8", ends="1", swaps="1", lapq="1", cost="bops"))
    assert "Least bit operations" in shown.number_input(key=f"max_drop_{study.name}").label
    press(shown, "Choose")
    asked = ChooseQuestion(
        refine=True,
        steps="lapq",
        frontier=FrontierQuestion(bits=(2, 4, 8), first_last_at=8, damage="trace", cost="bops", a_bits=8),
    )
    assert Store.open().find(spec_of(study, asked)) is not None


def test_published_figures_have_no_network_to_measure(opens: Opens) -> None:
    shown = sound(opens("frontier", study=PROFILE))
    assert "Choose for me" not in [each.value for each in shown.header]
