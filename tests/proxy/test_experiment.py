"""Measured losses against the project's own evaluation, and what is made of them."""

from typing import Any

import pytest

from explorer import plans, studies
from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.estimates import paired
from explorer.evaluation import PerSample
from explorer.plans import DamageTable, error_damage, network_errors
from explorer.proxy import measure_proxy
from explorer.studies import Study
from explorer.watching import Stopped
from tests import learnable
from tests.watched import Watched

BITS = (2, 4, 8)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("proxy") / "learnable"))


@pytest.fixture(scope="module")
def blocks(study: Study) -> tuple[Block, ...]:
    return study.blocks()


@pytest.fixture(scope="module")
def tables(study: Study, blocks: tuple[Block, ...]) -> dict[str, DamageTable]:
    plain = error_damage(network_errors(study, blocks, BITS))
    scaled = {
        name: {b: v * (i + 1) for b, v in row.items()} for i, (name, row) in enumerate(plain.values.items())
    }
    sensitivity = {name: i + 1.0 for i, name in enumerate(plain.values)}
    return {"trace": DamageTable(scaled, sensitivity, {}), "l2": plain}


def test_the_rise_is_paired_with_fp32_and_so_are_the_comparisons(
    study: Study, blocks: tuple[Block, ...], tables: dict[str, DamageTable]
) -> None:
    kept: list[PerSample] = []
    result = measure_proxy(
        study, blocks, tables, bits=BITS, plans=30, on_plan=lambda found: kept.__setitem__(slice(None), found)
    )
    full = plans.evaluate_plan(study, None, blocks)
    assert result.loss == pytest.approx(full.loss, rel=1e-5)
    assert result.loss_stderr == pytest.approx(full.loss_stderr, rel=1e-4)
    assert (result.samples, result.accuracy) == (learnable.TEST, full.accuracy)
    assert len(kept) == len(result.plans) + 1 >= 31
    for place, plan in enumerate(result.plans):
        off = (kept[place + 1].losses - kept[0].losses).numpy()
        assert plan.rise == pytest.approx(off.mean(), rel=1e-6)
        assert plan.rise_stderr == pytest.approx(off.std(ddof=1) / len(off) ** 0.5, rel=1e-6)
        assert plan.rise == pytest.approx(plan.loss - result.loss, abs=1e-6)
        widths = dict(zip(result.blocks, plan.bits, strict=True))
        assert result.omega["l2"][place] == pytest.approx(tables["l2"].omega(widths))
    for row in result.compared:
        a, b = kept[row.first + 1], kept[row.second + 1]
        assert (row.rise, row.rise_stderr) == pytest.approx(paired(b.losses, a.losses))
        assert a.mean_metric is not None
        assert b.mean_metric is not None
        assert row.accuracy == pytest.approx(b.mean_metric - a.mean_metric)
        first, second = result.plans[row.first], result.plans[row.second]
        assert abs(first.size_bytes / second.size_bytes - 1) < 0.3
    assert {"trace", "l2", "size"} == set(result.agreement)
    uniform = {plan.bits[0]: plan.rise for plan in result.plans if ("uniform", None) in plan.roles}
    assert uniform[2] > uniform[8]


def test_going_on_from_known_losses_gives_the_same_result(
    study: Study, blocks: tuple[Block, ...], tables: dict[str, DamageTable]
) -> None:
    def ask(**more: Any) -> dict[str, Any]:
        return measure_proxy(study, blocks, tables, bits=BITS, plans=20, samples=50, **more).to_json() | {
            "seconds": 0
        }

    kept: list[list[PerSample]] = []
    told = Watched()
    whole = ask(on_plan=lambda found: kept.append(list(found)), watcher=told)
    assert ask(known=kept[6]) == whole
    assert ask(known=kept[-1]) == whole
    assert told.fractions == sorted(told.fractions)
    assert 0 <= told.fractions[0] < told.fractions[-1] < 1
    with pytest.raises(Stopped):
        ask(watcher=Watched(stop=lambda asked: asked > 3))


def test_what_is_missing_is_said(
    study: Study, blocks: tuple[Block, ...], tables: dict[str, DamageTable]
) -> None:
    with pytest.raises(PlanError, match="the damage by the trace is missing"):
        measure_proxy(study, blocks, {"l2": tables["l2"]})
    with pytest.raises(PlanError, match="1 samples give no standard error"):
        measure_proxy(study, blocks, tables, samples=1)
