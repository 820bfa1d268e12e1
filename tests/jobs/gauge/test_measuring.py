"""Measuring a few samples at a time comes to the same numbers as measuring at once."""

import math
from pathlib import Path

import pytest

from explorer import studies
from explorer.errors import PlanError
from explorer.jobs.gauge.measuring import Measuring
from explorer.plans import BlockBits, Plan, evaluate_plan
from explorer.studies import Study
from tests import learnable
from tests.curvature.networks import token_study


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    written: Path = learnable.write(tmp_path_factory.mktemp("gauge") / "learnable")
    return studies.load_network(str(written))


def mixed(study: Study) -> Plan:
    widths = [BlockBits(2 + place % 3, (3, 8, 32)[place % 3]) for place, _ in enumerate(study.blocks())]
    names = [block.name for block in study.blocks()]
    return Plan(study.name, study.weights_sha256, dict(zip(names, widths, strict=True)))


@pytest.mark.parametrize("reads", ["images", "tokens"])
def test_all_samples_give_the_value_of_evaluate(study: Study, reads: str) -> None:
    """Widths of weights and activations that differ from block to block; FP32 is compared on the same samples."""
    study = study if reads == "images" else token_study(size=36)
    plan = mixed(study)
    measuring = Measuring(study)
    measuring.begin("mixed", plan.to_json())
    readings = []
    while measuring:
        readings.append(measuring.step()[1])
    last = readings[-1]
    whole, fp32 = evaluate_plan(study, plan, study.blocks()), evaluate_plan(study, None, study.blocks())
    assert len(readings) > 1
    assert [reading.ended for reading in readings] == [False] * (len(readings) - 1) + [True]
    assert last.complete
    assert last.loss == pytest.approx(whole.loss, rel=1e-5)
    assert last.loss_stderr == pytest.approx(whole.loss_stderr, rel=1e-4)
    assert last.accuracy == pytest.approx(whole.accuracy)
    assert last.accuracy_stderr == pytest.approx(whole.accuracy_stderr)
    assert last.rise == pytest.approx(whole.loss - fp32.loss, abs=1e-5)
    assert whole.accuracy is not None
    assert fp32.accuracy is not None
    assert last.change == pytest.approx(whole.accuracy - fp32.accuracy)
    assert last.change_stderr is not None
    assert last.change_stderr < math.hypot(last.accuracy_stderr or 0, fp32.accuracy_stderr or 0)


def test_fp32_does_not_differ_from_itself(study: Study) -> None:
    measuring = Measuring(study)
    measuring.begin("fp32", Plan.uniform(study, study.blocks(), 32, 32).to_json())
    _, reading = measuring.step()
    assert (reading.rise, reading.rise_stderr, reading.change, reading.change_stderr) == (0, 0, 0, 0)


def test_who_has_the_fewest_samples_is_next(study: Study) -> None:
    """A plan that is wished while another is measured gets its first estimate at once."""
    measuring = Measuring(study)
    measuring.begin("first", Plan.uniform(study, study.blocks(), 2, 8).to_json())
    assert [measuring.step()[0] for _ in range(2)] == ["first", "first"]
    measuring.begin("second", Plan.uniform(study, study.blocks(), 3, 8).to_json())
    assert [measuring.step()[0] for _ in range(2)] == ["second", "second"]
    measuring.keep({"first"})
    assert measuring.step()[0] == "first"


def test_a_plan_that_takes_too_long_is_left_at_its_estimate(study: Study) -> None:
    ticks = iter(range(1000))
    measuring = Measuring(study, seconds=1.0, clock=lambda: float(next(ticks)))
    measuring.begin("slow", Plan.uniform(study, study.blocks(), 2, 8).to_json())
    _, reading = measuring.step()
    assert reading.ended
    assert not reading.complete
    assert not measuring


def test_a_plan_of_another_study_is_refused(study: Study) -> None:
    other = {**Plan.uniform(study, study.blocks(), 2, 8).to_json(), "study": "another"}
    with pytest.raises(PlanError, match="another"):
        Measuring(study).begin("other", other)
