"""Methods side by side: each is what it is elsewhere, on the same images, and differences are paired."""

import json
from typing import Any

import numpy as np
import pytest

from explorer import plans
from explorer.errors import LapqError
from explorer.lapq import Objective, optimise, plan_of
from explorer.lapq.diagnostics.sweeps import site_tensor
from explorer.lapq.rivals.comparison import TABLE, compare, methods
from explorer.lapq.rivals.table import Comparison
from explorer.quantizers import steps as rules
from explorer.quantizers.grid import Grid
from explorer.studies import Study
from tests.watched import State, Watched

ASKED: dict[str, Any] = {"w_bits": 2, "a_bits": 3, "calibration": 32}


@pytest.fixture(scope="module")
def table(study: Study) -> Comparison:
    return compare(study, **ASKED)


def test_fp32_comes_first_and_every_method_once_a_correction(study: Study, table: Comparison) -> None:
    assert [(row.method, row.bias_correction) for row in table.rows] == [
        ("fp32", "none"),
        *((name, "none") for name in TABLE),
        *((name, "mean") for name in TABLE),
    ]
    direct = plans.evaluate_plan(study, None, study.blocks())
    assert table.rows[0].test_loss == pytest.approx(direct.loss, rel=1e-6)
    assert table.rows[0].test_accuracy == pytest.approx(direct.accuracy)
    assert table.test_images == direct.samples


@pytest.mark.parametrize("correction", ["none", "mean"])
def test_the_rows_of_lapq_are_the_stages_of_lapq(study: Study, table: Comparison, correction: Any) -> None:
    found = optimise(study, **ASKED, bias_correction=correction, method="gradient")
    losses = []
    for name, stage in found.stages.items():
        row = table.row(name, correction)
        assert row.steps == stage.steps
        assert row.calibration_loss == stage.calibration_loss
        assert row.test_loss == pytest.approx(stage.loss, rel=1e-6)
        losses.append(row.calibration_loss)
    assert losses == sorted(losses, reverse=True)
    assert losses[2] < losses[0]


def test_a_row_is_worth_what_its_plan_is_worth(study: Study, table: Comparison) -> None:
    blocks = study.blocks()
    sites = Objective(study, **ASKED).sites
    for correction in ("none", "mean"):
        for name in ("min-max", "mmse", "aciq", "kl", "kl-nonzero"):
            row = table.row(name, correction)
            plan = plan_of(sites, row.steps, study, blocks, correction)
            direct = plans.evaluate_plan(study, plan, blocks)
            assert row.test_loss == pytest.approx(direct.loss, rel=1e-5)
            assert row.test_accuracy == pytest.approx(direct.accuracy)


@pytest.mark.parametrize(
    ("name", "rule"),
    [("min-max", "min-max"), ("aciq", "aciq-laplace"), ("kl", "kl"), ("kl-nonzero", "kl")],
)
def test_a_baseline_has_the_step_of_its_rule(study: Study, table: Comparison, name: str, rule: str) -> None:
    """Of every weight, and of the first input, before which nothing is quantized."""
    objective = Objective(study, **ASKED)
    found = table.row(name).steps
    weights = [(i, site) for i, site in enumerate(objective.sites) if site.kind == "weight"]
    assert weights
    for i, site in weights:
        expected = rules.choose(rule, objective.network.original(i), Grid.signed(2)).step
        assert found[site.name] == pytest.approx(float(expected))
    first = next(site for site in objective.sites if site.kind == "input")
    assert not first.signed
    values = site_tensor(objective, first.name)
    if name == "kl-nonzero":
        values = values[values != 0]
    assert found[first.name] == pytest.approx(float(rules.choose(rule, values, Grid.unsigned(3)).step))


def test_differences_are_paired(study: Study, table: Comparison) -> None:
    """Of two rows measured apart, image by image."""
    objective = Objective(study, **ASKED)
    rights, losses = [], []
    for name in ("mmse", "joint"):
        row = table.row(name)
        objective.network.place(np.array([row.steps[each] for each in objective.names], np.float32))
        inputs, targets = next(study.data.batches("test", study.data.size("test")))
        outputs = objective.network.model(inputs)
        losses.append(study.loss.per_sample(outputs, targets).double().numpy())
        right = study.metric.per_sample(outputs, targets)
        assert right is not None
        rights.append(right.double().numpy())
    found = table.row("joint").over["mmse"]
    for values, mean, error in (
        (losses[1] - losses[0], found.loss, found.loss_stderr),
        (rights[1] - rights[0], found.accuracy, found.accuracy_stderr),
    ):
        assert mean == pytest.approx(values.mean(), rel=1e-4)
        assert error == pytest.approx(values.std(ddof=1) / len(values) ** 0.5, rel=1e-4)
    assert set(table.row("kl", "mean").over) == {"fp32", "min-max", "mmse", "aciq"}


def test_some_test_images_are_a_draw_of_them(study: Study, table: Comparison) -> None:
    few = compare(study, **ASKED, test_images=50, corrections=("none",))
    assert few.test_images == 50
    joint, whole = few.row("joint"), table.row("joint")
    assert joint.steps == whole.steps, "the same to the bit"
    assert joint.test_loss != whole.test_loss
    assert joint.test_loss == pytest.approx(whole.test_loss, abs=4 * joint.test_loss_stderr)


def test_weights_in_fp32_have_nothing_to_correct(study: Study) -> None:
    found = compare(study, **{**ASKED, "w_bits": 32}, test_images=20)
    assert [row.method for row in found.rows] == ["fp32", *methods(of_weights=False)]
    assert not {"ocs", "dual"} & {row.method for row in found.rows}, "they are ways to store weights"


def test_known_rows_are_not_measured_again(study: Study, table: Comparison) -> None:
    """All of the first correction, some of the second."""
    state = {"phases": [], "more": {"rows": [row.to_json() for row in table.rows[:14]]}}
    watcher = Watched(begun=State(state, {}))
    found = compare(study, **ASKED, watcher=watcher)
    assert [row["method"] for row in watcher.series("rows")] == [row.method for row in table.rows[14:]]
    assert found == table


def test_json_and_back(table: Comparison) -> None:
    assert Comparison.from_json(json.loads(json.dumps(table.to_json()))) == table


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"corrections": ()}, 'there is no bias correction to compare with; give "none" for none'),
        ({"test_images": 0}, "test_images is 0; it must be greater than or equal to 1"),
        ({"w_bits": 1}, "the weights cannot have 1 bits here"),
        ({"method": "newton"}, "there is no method 'newton'"),
        ({"calibration": 0}, "calibration is 0; it must be"),
    ],
)
def test_a_mistake_is_one_sentence(study: Study, option: Any, sentence: str) -> None:
    with pytest.raises(LapqError, match=sentence):
        compare(study, **{**ASKED, **option})


def test_an_unknown_correction_is_one_sentence(study: Study) -> None:
    with pytest.raises(LapqError, match=r"there is no corrections.* 'median'; use one of none, mean"):
        compare(study, **ASKED, corrections=("median",))
