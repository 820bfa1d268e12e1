"""Plans along a frontier, coarse to fine: which come first, what is said of them, and resuming to the same numbers."""

from typing import Any

import numpy as np
import pytest
import torch

from explorer import plans, studies
from explorer.errors import PlanError
from explorer.evaluation import PerSample
from explorer.plans import Plan, error_damage, network_errors
from explorer.proxy import MeasuredFrontier, ladder_of, measure_along
from explorer.proxy.along import FULL, next_place, spread_along
from explorer.questions import Ladder
from explorer.studies import Study
from explorer.watching import Stopped
from tests import learnable
from tests.curvature.networks import Attention, seeded, study_of
from tests.watched import Watched


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("along") / "learnable"))


@pytest.fixture(scope="module")
def ladder(study: Study) -> Ladder:
    damage = error_damage(network_errors(study, study.blocks(), (2, 3, 4, 8)))
    return ladder_of(plans.frontier(study, damage=damage, bits=(2, 3, 4, 8), a_bits=8), 33)


def of_accuracy(*right: int, n: int = 1000) -> PerSample:
    """A network that is right on the first so many images, for its share of them."""
    (count,) = right
    metric = (torch.arange(n) < count).double()
    return PerSample(1 - metric, metric)


def order(curve: Any, count: int, most: int) -> list[int]:
    """The places that are measured where ``curve`` says how many of 1,000 images each gets right."""
    found = {FULL: of_accuracy(920)}
    while len(found) <= most:
        place = next_place(found, count)
        assert place not in found
        found[place] = of_accuracy(curve(place))
    return list(found)[1:]


def test_the_ends_come_first_and_then_the_middle_of_the_largest_rectangle() -> None:
    """On a ramp both halves are as uncertain, so it is bisected evenly."""
    assert order(lambda place: 200 + 10 * place, 65, 5)[:3] == [64, 0, 32]
    assert sorted(order(lambda place: 200 + 10 * place, 65, 5)) == [0, 16, 32, 48, 64]


def test_plans_go_where_the_accuracy_falls_and_not_onto_the_plateau() -> None:
    """A cliff between 10 and 11 of 129 is found to the plan, and what equals FP32 on both sides is left for last."""
    places = order(lambda place: 920 if place > 10 else 300, 129, 12)
    assert {10, 11} <= set(places)
    assert sum(place > 64 for place in places[:9]) == 1


def test_every_place_is_measured_once_in_the_end() -> None:
    assert sorted(order(lambda _: 920, 17, 17)) == list(range(17))
    noisy = np.random.default_rng(0).integers(0, 1000, 30)
    assert sorted(order(lambda place: int(noisy[place]), 30, 30)) == list(range(30))


@pytest.mark.parametrize(
    ("cost", "most", "places"),
    [
        ([0, 1, 2, 3, 100], 3, [0, 3, 4]),
        ([0, 1, 2, 3, 4], 5, [0, 1, 2, 3, 4]),
        ([0, 10, 11, 20], 3, [0, 1, 3]),
        ([5, 9], 129, [0, 1]),
    ],
)
def test_candidates_are_spread_along_the_cost(cost: list[float], most: int, places: list[int]) -> None:
    assert spread_along(np.array(cost, float), most).tolist() == places


def test_what_is_measured_is_what_evaluate_plan_finds(study: Study, ladder: Ladder) -> None:
    blocks = study.blocks()
    found = measure_along(study, blocks, ladder, points=7, samples=10_000)
    assert MeasuredFrontier.from_json(found.to_json()) == found
    assert found.order[:2] == (len(ladder) - 1, 0)
    assert [plan.place for plan in found.plans] == sorted(found.order)
    full = plans.evaluate_plan(study, None, blocks)
    assert (found.full.loss, found.full.accuracy) == pytest.approx((full.loss, full.accuracy), rel=1e-5)
    assert (found.full.change, found.full.rise) == (0, 0)
    for place, plan in enumerate(found.plans):
        bits = {
            name: plans.BlockBits(w, a)
            for name, w, a in zip(found.blocks, plan.bits, plan.a_bits, strict=True)
        }
        expected = plans.evaluate_plan(study, Plan(study.name, study.weights_sha256, bits), blocks)
        got = (plan.loss, plan.loss_stderr, plan.accuracy, plan.accuracy_stderr, plan.size_bytes, plan.bops)
        assert got == pytest.approx(
            (expected.loss, expected.loss_stderr, expected.accuracy, expected.accuracy_stderr,
             expected.size_bytes, expected.bops), rel=1e-4
        )  # fmt: skip
        assert plan.change == pytest.approx(expected.accuracy - full.accuracy)  # type: ignore[operator]
        if place:
            smaller = found.plans[place - 1]
            assert plan.gain == pytest.approx(plan.accuracy - smaller.accuracy)  # type: ignore[operator]
        else:
            assert plan.gain is None
    assert found.enough is not None
    after = found.plans[found.plans.index(found.enough) :]
    assert all(plan.equals_full for plan in after)
    assert not found.plans[0].equals_full


def test_an_interrupted_measurement_goes_on_to_the_same_numbers(study: Study, ladder: Ladder) -> None:
    """The order depends on what was measured, so what is kept decides it again."""
    blocks = study.blocks()
    kept: list[dict[int, PerSample]] = []
    asked: dict[str, Any] = {"points": 9, "samples": 90}
    watched = Watched()
    whole = measure_along(
        study, blocks, ladder, **asked, on_plan=lambda _, found: kept.append(dict(found)), watcher=watched
    )
    assert len(kept) == 10
    assert watched.fractions == sorted(watched.fractions)
    for known in (kept[0], kept[4], kept[-1]):
        again = measure_along(study, blocks, ladder, **asked, known=known)
        assert again.to_json() | {"seconds": 0} == whole.to_json() | {"seconds": 0}
    with pytest.raises(Stopped):
        measure_along(study, blocks, ladder, **asked, watcher=Watched(stop=lambda asked: asked > 3))


def test_a_network_with_attention_and_few_plans() -> None:
    """More plans are asked for than there are; the ladder is of whole modules."""
    study = study_of(seeded(Attention))
    blocks = study.blocks("module")
    names = [block.name for block in blocks]
    ladder = Ladder.of(names, [[2] * len(names), [8] * len(names)], [[4] * len(names), [8] * len(names)])
    found = measure_along(study, blocks, ladder)
    assert len(found.plans) == 2
    assert found.full.samples == 23
    with pytest.raises(PlanError, match="has blocks that"):
        measure_along(study, study.blocks(), ladder)
    with pytest.raises(PlanError, match="1 samples give no standard error"):
        measure_along(study, blocks, ladder, samples=1)
