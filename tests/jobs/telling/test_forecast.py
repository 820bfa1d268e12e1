"""How long a training will take goes by those that are done here; others only where there are none."""

from dataclasses import replace
from typing import Any

import pytest

from explorer.jobs.telling import finding, forecast
from explorer.plans import PlanValue
from explorer.qat.record import TrainingRecord
from explorer.questions import FinetuneQuestion
from explorer.runs import Run, RunSpec, Store

PLAN: dict[str, Any] = {"blocks": {"a": {"w_bits": 4, "a_bits": 8}}}
BARE = FinetuneQuestion(plan=PLAN, method="ste", epochs=2, logits=0, channels=0)


def done(store: Store, seconds: float, *, shipped: bool = False) -> Run:
    """A training of two epochs that took so long."""
    value = PlanValue("test", 10, 1.0, 0.1, 0.9, 0.1, size_bytes=1, fp32_bytes=8, bops=1)
    record = TrainingRecord(value, value, "0", PLAN, seconds, epochs=2).to_json()
    spec = RunSpec(
        kind="finetune", study="any", fingerprint="0", parameters=BARE.parameters(), version=BARE.version
    )
    remark = finding.SHIPPED if shipped else None
    return replace(store.submit(spec), status="done", read_result=lambda: record, remark=remark)


def test_it_goes_with_epochs_and_the_work_of_a_step(store: Store) -> None:
    here, elsewhere = done(store, 20.0), done(store, 2000.0, shipped=True)
    assert forecast.seconds(BARE.but(epochs=3), [here, elsewhere]) == pytest.approx(30)
    taught = BARE.but(epochs=3, logits=0.9, channels=1.0)
    expected = 30 * (1 + forecast.TEACHER + forecast.CHANNELS)
    assert forecast.seconds(taught, [elsewhere, here]) == pytest.approx(expected)
    assert forecast.seconds(BARE, [elsewhere]) == pytest.approx(2000), "another machine's is better than none"
    assert forecast.seconds(BARE, []) is None
