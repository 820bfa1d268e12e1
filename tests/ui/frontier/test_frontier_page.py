"""The Frontier page: what is asked, what a person takes off it, and how they get back."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer import plans, studies
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.questions import DamageQuestion, FrontierQuestion, ProxyQuestion, TracesQuestion
from explorer.runs import Store
from explorer.studies import Study
from explorer.ui.frontier import single_blocks
from tests.ui.conftest import PROFILE, Opens
from tests.ui.shell.test_pages import PLAN, metrics, sound

pytestmark = pytest.mark.usefixtures("settled")


def press(page: AppTest, label: str) -> AppTest:
    [button] = [button for button in page.button if button.label == label]
    return sound(button.click().run())


def toggle(page: AppTest, label: str) -> AppTest:
    [switch] = [switch for switch in page.toggle if switch.label == label]
    return sound(switch.set_value(True).run())


def slider(page: AppTest) -> Any:
    [found] = [each for each in page.slider if (each.key or "").startswith("frontier_budget")]
    return found


def budget(page: AppTest, most: float) -> AppTest:
    return sound(slider(page).set_value(most).run())


def link(page: AppTest, name: str = "plan") -> str:
    """The plan in the address, or another value."""
    held = page.query_params[name]
    return held if isinstance(held, str) else held[0]


def size(page: AppTest) -> float:
    """Of the current plan, in MB."""
    value, unit = metrics(page)["Size"].split()
    return float(value) * {"MB": 1.0, "kB": 1e-3, "B": 1e-6}[unit]


def test_a_budget_takes_the_best_plan_under_it(opens: Opens) -> None:
    """The one that the exact programme names."""
    shown = budget(opens("frontier", study=PROFILE), 8.0)
    problem = plans.study_problem(studies.load(PROFILE))
    best = plans.solve_one(problem, [plans.Limit("size", plans.Budget("at_most", 8e6))]).point
    assert size(shown) == pytest.approx(float(best.cost) / 1e6, abs=0.006)
    assert metrics(shown)["Predicted damage (Hessian trace)"] == f"{best.omega:.3g}"
    assert slider(shown).value == 8.0, "what was asked stays"


def test_undo_and_redo_go_through_earlier_plans(opens: Opens) -> None:
    shown = budget(opens("frontier", study=PROFILE), 8.0)
    first = link(shown)
    shown = budget(shown, 10.0)
    second = link(shown)
    assert first != second
    shown = press(shown, "Undo")
    assert link(shown) == first
    assert link(press(shown, "Redo")) == second


def test_after_a_new_choice_there_is_nothing_to_redo(opens: Opens) -> None:
    shown = press(budget(budget(opens("frontier", study=PROFILE), 8.0), 10.0), "Undo")
    shown = budget(shown, 9.0)
    [redo] = [button for button in shown.button if button.label == "Redo"]
    assert redo.disabled


@pytest.mark.usefixtures("lived_in_home")
def test_first_and_last_at_8_bits_holds_for_every_plan(opens: Opens, toml: str) -> None:
    shown = press(opens("frontier", study=toml), "Constraints")
    shown = toggle(shown, "First and last block at 8 bits")
    shown = budget(shown, slider(shown).min)
    weights = link(shown).split("_")[0].split(".")
    assert (weights[0], weights[-1]) == ("8", "8")
    assert set(weights[1:-1]) == {"2"}


def test_a_limit_nothing_keeps_is_a_sentence_with_the_nearest_plan(opens: Opens) -> None:
    shown = limited(opens("frontier", study=PROFILE), 1.0)
    [warning] = shown.warning
    assert re.match(
        r"No plan fits: the smallest needs [\d.]+ GBOPs, the limit is 1\.0+; raise it or", warning.value
    )
    taken = press(shown, "Use the nearest plan")
    weights, inputs = link(taken).split("_")
    assert set(weights.split(".")) == {"4"}
    assert inputs == weights, "activations as wide as the weights, by the rule on the page"
    assert not taken.warning
    assert taken.get("plotly_chart"), "the chart is back"
    least = plans.bops(studies.load(PROFILE).blocks(), held(inputs, weights)) / 1e9
    [limit] = [field for field in taken.number_input if field.label.startswith("bit operations")]
    assert limit.value is not None
    assert least <= limit.value <= least * 1.002
    assert any(f"bit operations from 1 to {limit.value:g} GBOPs" in each.value for each in taken.info)


def held(inputs: str, weights: str) -> plans.Plan:
    study = studies.load(PROFILE)
    widths = zip(weights.split("."), inputs.split("."), strict=True)
    bits = {
        block.name: plans.BlockBits(int(w), int(a))
        for block, (w, a) in zip(study.blocks(), widths, strict=True)
    }
    return plans.Plan(study.name, study.weights_sha256, bits)


def limited(page: AppTest, most: float) -> AppTest:
    """With a limit on bit operations, in GBOPs."""
    shown = press(page, "Constraints")
    [limit] = [field for field in shown.number_input if field.label.startswith("bit operations")]
    return sound(limit.set_value(most).run())


def test_a_current_plan_over_the_limit_is_told_and_the_nearest_is_within(opens: Opens) -> None:
    shown = opens("frontier", study=PROFILE)
    shown = budget(shown, slider(shown).max)
    shown = limited(shown, 60.0)
    [warning] = shown.warning
    assert re.match(r"The current plan needs [\d.]+ GBOPs, the limit is 60", warning.value)
    assert shown.get("plotly_chart")
    taken = press(shown, "Use the nearest plan")
    assert not taken.warning
    weights, inputs = link(taken).split("_")
    assert plans.bops(studies.load(PROFILE).blocks(), held(inputs, weights)) <= 60e9
    assert any("best plan within the limits" in each.value for each in taken.info)


def test_constraints_are_counted_and_each_has_a_chip_that_removes_it(opens: Opens) -> None:
    shown = limited(opens("frontier", study=PROFILE), 60.0)
    shown = toggle(shown, "First and last block at 8 bits")
    shown = press(shown, "Constraints (2)")
    assert not [field for field in shown.number_input if field.label.startswith("bit operations")]
    least = slider(shown).min
    shown = press(shown, "first and last at 8 bits")
    assert slider(shown).min < least, "it holds while the panel is closed, and no longer"
    shown = press(shown, "bit operations ≤ 60 GBOPs")
    shown = press(shown, "Constraints")
    [limit] = [field for field in shown.number_input if field.label.startswith("bit operations")]
    assert limit.value is None


@pytest.mark.usefixtures("lived_in_home")
@pytest.mark.parametrize(("rule", "width"), [("8", 8), ("4", 4), ("weights", None)])
def test_the_plan_that_is_taken_has_the_activations_that_its_cost_counts(
    opens: Opens, toml: str, study: Study, rule: str, width: int | None
) -> None:
    """0.36 GBOPs were chosen, and the plan had 0.829."""
    shown = opens("frontier", study=toml)
    shown = sound(shown.segmented_control(key="cost_learnable").set_value("bops").run())
    shown = sound(shown.selectbox(key="a_rule_learnable").select(rule).run())
    budgets = slider(shown)
    shown = budget(shown, (budgets.min + budgets.max) / 2)
    weights, inputs = ([int(bits) for bits in part.split(".")] for part in link(shown).split("_"))
    assert inputs == (weights if width is None else [width] * len(weights))
    spent = sum(b.macs * w * a for b, w, a in zip(study.blocks(), weights, inputs, strict=True))
    most: Any = slider(shown).value
    assert spent <= most * 1e6
    assert "MBOPs" in slider(shown).label


@pytest.mark.usefixtures("lived_in_home")
def test_one_measure_of_damage_stands_on_the_whole_page(opens: Opens, toml: str) -> None:
    """Chart, strip, desk and comparison use the one that was chosen; what is not computed is not shown."""
    shown = opens("frontier", study=toml, plan=PLAN)
    by_trace = metrics(shown)["Predicted damage (Hessian trace)"]
    shown = sound(shown.selectbox(key="damage_learnable").select("l2").run())
    numbers = metrics(shown)
    by_error = numbers["Predicted damage (weight error only)"]
    assert by_error != by_trace
    assert "Predicted damage (Hessian trace)" not in numbers
    shown = sound(
        shown.segmented_control(key="frontier_analysis").set_value("Compare with another plan").run()
    )
    [rows] = [each.value for each in shown.dataframe if "compression" in each.value]
    assert list(rows["Predicted damage (weight error only)"])[-1] == by_error
    shown = sound(shown.selectbox(key="damage_learnable").select("product").run())
    assert metrics(shown)["Predicted damage (exact quadratic)"] == "–"


def test_the_frontier_offers_to_compute_traces_and_notices_them(
    opens: Opens, app: list[str], toml: str, study: Study, lived_in_home: Path
) -> None:
    shutil.rmtree(lived_in_home)
    shown = opens("frontier", study=toml)
    assert not shown.get("plotly_chart")
    shown = press(shown, "Compute traces")
    assert "traces" in app
    assert any("drawn as soon as" in each.value for each in shown.info), "it is being computed, and said so"
    assert not [button for button in shown.button if button.label == "Compute traces"]
    assert [kind for kind in app if kind != "evaluate"] == ["traces", "damage"], "one click leads to both"
    execute(Store.open(), spec_of(study, TracesQuestion()))
    shown = sound(shown.run())
    assert not shown.get("plotly_chart"), "it does not change its measure a moment later"
    execute(Store.open(), spec_of(study, DamageQuestion()))
    shown = sound(shown.run())
    assert shown.get("plotly_chart")
    assert shown.selectbox(key="damage_learnable").value == "product"


def test_the_measure_is_the_better_one_that_is_there_until_somebody_names_one(
    opens: Opens, app: list[str], toml: str, study: Study, lived_in_home: Path
) -> None:
    """With traces alone they are drawn; the products are offered, and taken when they come. A name is obeyed always."""
    shown = opens("frontier", study=toml, plan=PLAN)
    assert link(shown, "damage") == "trace"
    shown = press(shown, "Compute ΔWᵀHΔW")
    assert "damage" in app
    assert shown.get("plotly_chart"), "the picture stays while they are computed"
    execute(Store.open(home=lived_in_home), spec_of(study, DamageQuestion()))
    shown = sound(shown.run())
    assert link(shown, "damage") == "product"
    by_product = metrics(shown)["Predicted damage (exact quadratic)"]
    assert by_product == metrics(opens("model", study=toml, plan=PLAN))["Predicted damage (exact quadratic)"]
    shown = sound(shown.selectbox(key="damage_learnable").select("trace").run())
    assert "Predicted damage (Hessian trace)" in metrics(sound(shown.run()))
    for page in ("model", "frontier"):
        linked = metrics(opens(page, study=toml, plan=PLAN, damage="trace"))
        assert "Predicted damage (Hessian trace)" in linked


def test_latency_is_a_number_of_the_plan(opens: Opens) -> None:
    """Of published ones only where the activations are as wide as the weights."""
    study = studies.load(PROFILE)
    assert isinstance(study, studies.ProfileStudy)
    many = len(study.blocks())
    four, other = ".".join(["4"] * many), ".".join(["8"] * many)
    published = sum(row[4] for row in study.latency_ms.values())
    shown = sound(opens("frontier", study=PROFILE, plan=f"{four}_{four}"))
    assert metrics(shown)["Latency"] == f"{published:.3g} ms"
    shown = sound(opens("frontier", study=PROFILE, plan=f"{four}_{other}"))
    assert metrics(shown)["Latency"] == "–"


@pytest.mark.usefixtures("lived_in_home")
def test_a_latency_table_with_missing_blocks_is_refused_where_one_sees_it(
    opens: Opens, toml: str, study: Study
) -> None:
    names = [block.name for block in study.blocks()]
    lines = [f"{name},{bits},{bits / 10}" for name in names for bits in (2, 3, 4, 6, 8)]
    shown = press(opens("frontier", study=toml, plan=PLAN), "Constraints")
    for kept, refused in ((lines[:5], True), (lines, False)):
        content = "\n".join(["block,bits,milliseconds", *kept]).encode()
        uploader = shown.file_uploader(key="latencies_learnable")
        shown = uploader.set_value(("mine.csv", content, "text/csv")).run()
        assert any("have no line for" in each.value for each in shown.error) == refused
        assert not shown.exception
    assert metrics(shown)["Latency"].endswith(" ms")
    shown = sound(shown.segmented_control(key="cost_learnable").set_value("latency").run())
    assert slider(shown).label.startswith("Latency budget (ms)")


def test_two_plans_are_compared_block_by_block_where_they_differ(opens: Opens, toml: str) -> None:
    shown = opens("frontier", study=PROFILE)
    shown = budget(shown, slider(shown).min)
    shown = sound(
        shown.segmented_control(key="frontier_analysis").set_value("Compare with another plan").run()
    )
    shown = sound(shown.selectbox(key="compare_with").select("8 bits everywhere").run())
    [rows] = [each.value for each in shown.dataframe if "w bits" in each.value and "size" in each.value]
    assert set(rows["w bits"]) == {"8 → 4"}
    assert len(rows) == len(studies.load(PROFILE).blocks())
    assert (rows["size"] < 0).all()
    assert any("less for the current plan" in each.value for each in shown.caption)


@pytest.mark.usefixtures("lived_in_home")
def test_how_sure_a_plan_is_comes_from_the_errors_of_its_traces(opens: Opens, toml: str) -> None:
    shown = opens("frontier", study=toml, plan=PLAN)
    shown = sound(
        shown.segmented_control(key="frontier_analysis").set_value("Robustness to trace error").run()
    )
    shown = press(shown, "Draw 100 times")
    assert any("keep their width in more than nine of ten draws" in each.value for each in shown.caption)


def test_new_traces_make_an_old_answer_about_robustness_void(
    opens: Opens, toml: str, lived_in_home: Path, study: Study
) -> None:
    """The draws come from the errors of the traces: with others, what was drawn before says nothing."""
    shown = opens("frontier", study=toml, plan=PLAN)
    shown = sound(
        shown.segmented_control(key="frontier_analysis").set_value("Robustness to trace error").run()
    )
    shown = press(shown, "Draw 100 times")
    assert robust(sound(shown.run())), "what was drawn stays"
    store = Store.open(home=lived_in_home)
    execute(store, spec_of(study, TracesQuestion(rel_se=0.02)))
    store.close()
    shown = sound(shown.run())
    assert not robust(shown)
    assert robust(press(shown, "Draw 100 times"))


def robust(page: AppTest) -> bool:
    return any("keep their width in more than nine of ten draws" in each.value for each in page.caption)


def test_published_figures_have_no_errors_to_draw_from(opens: Opens) -> None:
    shown = budget(opens("frontier", study=PROFILE), 8.0)
    shown = sound(
        shown.segmented_control(key="frontier_analysis").set_value("Robustness to trace error").run()
    )
    assert any("come without standard errors" in each.value for each in shown.info)


def test_what_a_restriction_costs_is_at_least_nothing(opens: Opens) -> None:
    shown = opens("frontier", study=PROFILE)
    shown = sound(
        shown.segmented_control(key="frontier_analysis").set_value("Exact vs. restricted search").run()
    )
    assert any("greedy path: 1." in each.value for each in shown.caption)


def test_one_width_is_no_choice(opens: Opens) -> None:
    shown = sound(opens("frontier", study=PROFILE).pills(key=f"menu_{PROFILE}").set_value([4]).run())
    assert any("at least two bit widths" in each.value for each in shown.info)


def test_constraints_are_read_from_the_rows_of_the_table() -> None:
    empty = {"min": None, "max": np.nan, "fixed": None, "tie": None}
    rows = [
        {"block": "a", **empty, "min": 4, "tie": "B"},
        {"block": "b", **empty, "fixed": 8},
        {"block": "c", **empty, "max": 6, "tie": "B"},
        {"block": "d", **empty, "tie": "C"},
    ]
    asked = {"minimum": {"a": 4}, "maximum": {"c": 6}, "keep": {"b": 8}, "ties": (("a", "c"),)}
    assert single_blocks.read(rows) == asked
    nothing = FrontierQuestion(**single_blocks.read([{"block": "a", **empty}]))
    assert nothing == FrontierQuestion()


@pytest.fixture
def measured(lived_in_home: Path, study: Study) -> None:
    """A home in which, beside the traces, damage was measured."""
    store = Store.open(home=lived_in_home)
    for measure in ("product", "activation-product"):
        execute(store, spec_of(study, DamageQuestion(measure=measure)))
    store.close()


@pytest.mark.usefixtures("lived_in_home")
def test_damage_that_must_be_measured_is_asked_for_first(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    shown = opens("frontier", study=toml)
    shown = sound(shown.selectbox(key="damage_learnable").select("product").run())
    assert any("ΔWᵀHΔW of every block" in each.value for each in shown.info)
    assert not shown.get("plotly_chart")
    press(shown, "Compute")
    assert "damage" in app
    assert Store.open().find(spec_of(study, DamageQuestion())) is not None, "the command line's question"


@pytest.mark.usefixtures("measured")
def test_measured_damage_draws_its_own_frontier(opens: Opens, toml: str) -> None:
    shown = opens("frontier", study=toml)
    assert shown.selectbox(key="damage_learnable").value == "product"
    shown = budget(shown, slider(shown).min)
    assert set(link(shown).split("_")[0].split(".")) == {"2"}
    assert any(
        "By the Hessian trace, the best plan of this size is the same" in c.value for c in shown.caption
    )


@pytest.mark.usefixtures("measured")
def test_what_the_other_measure_would_choose_is_one_click_away(opens: Opens, toml: str) -> None:
    """A plan off the frontier: the trace's best plan of its size is named, and can be taken."""
    shown = opens("frontier", study=toml, plan="8.2.4.8_8.8.8.8")
    [said] = [each.value for each in shown.caption if "By the Hessian trace, another plan" in each.value]
    assert "Ω (exact quadratic)" in said
    assert "Ω (Hessian trace)" in said
    taken = press(shown, "Use it")
    assert link(taken) != "8.2.4.8_8.8.8.8"
    assert size(taken) <= size(shown)


@pytest.mark.usefixtures("measured")
def test_widths_of_activations_are_chosen_with_those_of_the_weights(opens: Opens, toml: str) -> None:
    shown = opens("frontier", study=toml)
    shown = sound(shown.selectbox(key="a_rule_learnable").select("chosen").run())
    shown = sound(shown.segmented_control(key="cost_learnable").set_value("bops").run())
    shown = budget(shown, slider(shown).min)
    weights, inputs = link(shown).split("_")
    assert (set(weights.split(".")), set(inputs.split("."))) == ({"2"}, {"4"})
    assert any("chosen together" in each.value for each in shown.caption)


@pytest.mark.usefixtures("lived_in_home")
def test_steps_that_are_counted_make_every_plan_larger(opens: Opens, toml: str) -> None:
    shown = opens("frontier", study=toml)
    least = slider(shown).min
    shown = press(shown, "Constraints")
    shown = toggle(shown, "Include the quantizers' step sizes in the size")
    assert slider(shown).min > least


@pytest.mark.usefixtures("lived_in_home")
def test_whether_the_proxy_holds_is_a_run_one_asks_for(
    opens: Opens, app: list[str], toml: str, study: Study
) -> None:
    shown = opens("frontier", study=toml)
    shown = sound(
        shown.segmented_control(key="frontier_analysis").set_value("Prediction vs. measured loss").run()
    )
    press(shown, "Measure 80 plans")
    assert "proxy" in app
    assert Store.open().find(spec_of(study, ProxyQuestion())) is not None, "the command line's question"
    assert any(
        "no network to measure" in each.value
        for each in sound(
            opens("frontier", study=PROFILE)
            .segmented_control(key="frontier_analysis")
            .set_value("Prediction vs. measured loss")
            .run()
        ).info
    )


@pytest.mark.usefixtures("lived_in_home")
def test_an_uploaded_plan_without_a_hash_is_taken_with_a_remark(
    opens: Opens, toml: str, study: Study
) -> None:
    """A plan by hand need not say which weights it is for, and then nobody can tell that it fits."""
    content = plans.Plan.uniform(study, study.blocks(), 3, 8).to_json()
    shown = opens("frontier", study=toml)
    shown = sound(shown.file_uploader(key="plan_upload").set_value(uploaded(content)).run())
    assert not remarks(shown)
    del content["weights_sha256"]
    shown = sound(shown.file_uploader(key="plan_upload").set_value(uploaded(content)).run())
    assert set(link(shown).split("_")[0].split(".")) == {"3"}
    [remark] = remarks(shown)
    assert "it is not known whether it was made for these weights" in remark


def uploaded(content: dict[str, Any]) -> tuple[str, bytes, str]:
    return "plan.json", json.dumps(content).encode(), "application/json"


def remarks(page: AppTest) -> list[str]:
    return [each.value for each in page.caption if "weights_sha256" in each.value]
