"""From a study to its frontier: a toy network, a toy profile, and the nine plans that HAWQ-V3 published."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from torch import nn

from explorer import blocks as explorer_blocks
from explorer.errors import PlanError
from explorer.plans import (
    Budget,
    DamageTable,
    FrontierQuestion,
    Limit,
    bops,
    frontier,
    measured_table,
    published_plans,
    size_bytes,
    study_problem,
)
from explorer.quantizers.weights import squared_errors
from explorer.studies.profile import load_profile
from explorer.studies.study import Card, ProfileStudy
from tests.plans.instances import block

PROFILE = ProfileStudy(
    name="toy-profile",
    reference="toy-profile",
    card=Card("A toy", source="nobody"),
    published_blocks=(block("a", 80, 10), block("b", 160, 20), block("c", 80, 30)),
    mean_traces={"a": 1.0, "b": 0.1, "c": 0.5},
    squared_errors={name: {4: 1.0, 8: 0.004} for name in "abc"},
    latency_ms={name: {4: 0.1, 8: 0.25} for name in "abc"},
    latency_device="a stopwatch",
    ties=(("a", "b"),),
    published_plans={"half": {"a": 4, "b": 8, "c": 4}},
    weights_sha256="0" * 64,
)


def test_a_profiles_own_ties_hold() -> None:
    found = frontier(PROFILE)
    assert found.search_space == 4
    assert all(point.bits["a"] == point.bits["b"] for point in found.points())
    assert frontier(PROFILE, ties=[("b", "c")]).search_space == 2


def test_a_profiles_missing_widths_are_estimated_for_omega_and_never_for_latency() -> None:
    found = frontier(PROFILE, bits=(2, 4, 8))
    assert found.problem.damage.is_estimated(found.point(0).bits)
    assert len(frontier(PROFILE, cost="latency")) == 4
    with pytest.raises(PlanError, match="no latency is known for a at 2/2 bits; its table has 4/4, 8/8"):
        frontier(PROFILE, bits=(2, 4), cost="latency")
    with pytest.raises(PlanError, match="no FP32 figures"):
        frontier(PROFILE, cost="latency").best_under(Budget("ratio", 4))
    with pytest.raises(PlanError, match="toy-profile has no table of latencies"):
        frontier(replace(PROFILE, latency_ms={"a": {}}), cost="latency")


def test_a_profiles_published_plans_carry_their_source() -> None:
    (published,) = published_plans(PROFILE, PROFILE.blocks())
    assert published.plan.name == "half"
    assert published.source == "nobody"
    assert published.plan.w_bits == published.plan.a_bits == {"a": 4, "b": 8, "c": 4}


def test_a_block_may_be_kept_at_a_width_off_the_menu() -> None:
    found = frontier(PROFILE, bits=(4, 8), keep={"c": 32})
    assert {point.bits["c"] for point in found.points()} == {32}
    assert found.search_space == 2


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"bits": (4, 9)}, "there is no width of 9 bits"),
        ({"cost": "weight"}, "there is no cost 'weight'; use one of size, bops, latency"),
        ({"keep": {"z": 4}}, "there is no block z that could be kept; the blocks are a, b, c"),
        ({"maximum": {"z": 4}}, "there is no block z that could be given a largest width"),
        ({"first_last_at": 9}, "there is no width of 9 bits"),
        ({"a_bits": 9}, "there is no width of 9 bits"),
        (
            {"damage": "hessian"},
            "there is no damage 'hessian'; use one of trace, lambda-max, l2 or product",
        ),
        ({"damage": "product"}, "toy-profile is published without what product needs; take trace or l2"),
        ({"a_menu": (4, 8)}, "no damage of the activations is known"),
        (
            {"a_bits": 8, "cost": "latency"},
            "the latencies of toy-profile are for activations as wide as the w",
        ),
        ({"activation_traces": object()}, "toy-profile has published figures only and no activations"),
    ],
)
def test_what_a_profile_cannot_do_is_said(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        frontier(PROFILE, **options)


def test_activations_follow_the_weights_where_a_cost_counts_them() -> None:
    """HAWQ-V3's BOPs and latencies are of activations as wide as the weights; without them 8 bits are usual."""
    eight, following = {"a": 8, "b": 8, "c": 8}, {"a": 4, "b": 4, "c": 4}
    limit = Limit("bops", Budget("between", 0.5))
    assert frontier(PROFILE).point(0).a_bits == eight
    assert frontier(PROFILE, cost="bops").point(0).a_bits == following
    assert frontier(PROFILE, cost="latency").point(0).a_bits == following
    assert frontier(PROFILE, constraints=[limit]).point(0).a_bits == following
    fixed = frontier(PROFILE, cost="bops", a_bits=8).point(0)
    assert fixed.a_bits == eight
    assert fixed.cost == (10 + 20 + 30) * 4 * 8
    plan = fixed.plan(PROFILE, PROFILE.blocks(), name="mine")
    assert bops(PROFILE.blocks(), plan) == fixed.cost
    assert plan.name == "mine"


def test_limits_are_named_or_tables_of_ones_own() -> None:
    energy = measured_table("energy", "mJ", {name: {4: 0.5, 8: 2.0} for name in "abc"})
    limits = [Limit("latency", Budget("at_most", 0.6)), Limit(energy, Budget("between", 0.5))]
    found = frontier(PROFILE, constraints=limits)
    assert [bound.cost.name for bound in found.problem.bounds] == ["latency", "energy"]
    assert found.point(-1).bits == {"a": 4, "b": 4, "c": 8}
    assert found.figures(energy).max() <= 3.75


def test_the_first_and_the_last_block_may_be_fixed() -> None:
    bits = frontier(replace(PROFILE, ties=()), first_last_at=8).bits
    assert (bits[:, [0, 2]] == 8).all()
    assert set(bits[:, 1]) == {4, 8}
    kept = frontier(replace(PROFILE, ties=()), first_last_at=8, keep={"a": 4})
    assert (kept.bits[:, 0] == 4).all()
    off_menu = frontier(replace(PROFILE, ties=()), first_last_at=16)
    assert (off_menu.bits[:, 2] == 16).all()


def test_the_error_alone_is_a_damage_and_so_is_a_table_of_ones_own() -> None:
    assert frontier(PROFILE, damage="l2").point(0).omega == pytest.approx(3.0)
    table = DamageTable({name: {4: 7.0, 8: 0.0} for name in "abc"}, {}, {})
    assert frontier(PROFILE, damage=table).point(0).omega == 21.0
    assert frontier(PROFILE, auto_ties=True).search_space == 4, "a profile's own ties are all there are"


@dataclass(frozen=True)
class Trace:
    name: str
    mean_trace: float
    stderr: float
    n: int


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A network of two layers in one module, with its two partitions."""
    first, second = nn.Linear(4, 3, bias=False), nn.Linear(3, 2, bias=False)
    layers = tuple(
        explorer_blocks.Layer(
            name, "Linear", f"{name}.weight", tuple(layer.weight.shape), layer.weight.numel(), 12
        )
        for name, layer in (("0", first), ("1", second))
    )
    partitions = {
        "layer": tuple(explorer_blocks.Block(layer.name, (layer,)) for layer in layers),
        "module": (explorer_blocks.Block("all", layers),),
    }
    whole = nn.Sequential(first, second)
    return SimpleNamespace(
        name="toy",
        network=whole,
        model=lambda: deepcopy(whole),
        weights_sha256="1" * 64,
        has_network=True,
        blocks=partitions.__getitem__,
    )


def _traces(*blocks: Trace, of: str = "weights") -> Any:
    return SimpleNamespace(of=of, blocks=blocks)


def test_a_networks_omega_is_its_traces_times_the_errors_of_its_own_weights(network: Any) -> None:
    traces = _traces(Trace("0", 2.0, 6.0, 12), Trace("1", -1.0, 0.0, 6))
    found = frontier(network, traces, bits=(4, 8))
    first, second = (squared_errors(layer.weight, (4, 8)) for layer in network.network)
    for point in found.points():
        expected = 2.0 * first[point.bits["0"]] - second[point.bits["1"]]
        assert point.omega == pytest.approx(expected)
    assert found.stderr()[0] == pytest.approx(0.5 * first[int(found.bits[0, 0])])


def test_traces_of_modules_give_a_frontier_of_modules(network: Any) -> None:
    found = frontier(network, _traces(Trace("all", 1.0, 0.0, 18)), bits=(4, 8))
    assert found.blocks == ("all",)
    total = sum(squared_errors(layer.weight, (4,))[4] for layer in network.network)
    assert found.point(0).omega == pytest.approx(total)


def test_a_network_needs_no_traces_where_the_damage_does_not(network: Any) -> None:
    first, second = (squared_errors(layer.weight, (4,))[4] for layer in network.network)
    assert frontier(network, damage="l2", bits=(4, 8)).point(0).omega == pytest.approx(first + second)
    table = DamageTable({"all": {4: 2.0, 8: 0.0}}, {}, {})
    assert frontier(network, damage=table, bits=(4, 8)).blocks == ("all",)
    with pytest.raises(PlanError, match="the damage table is of x, which are not the blocks of toy"):
        frontier(network, damage=DamageTable({"x": {4: 2.0}}, {}, {}), bits=(4,))


def test_activations_need_traces_of_activations(network: Any) -> None:
    traces = _traces(Trace("all", 1.0, 0.0, 18))
    with pytest.raises(PlanError, match="these are traces of weights; the damage of activations needs"):
        frontier(network, traces, a_menu=(4, 8), activation_traces=traces)


def test_traces_of_something_else_are_refused(network: Any) -> None:
    with pytest.raises(PlanError, match="the traces are of x, which are not the blocks of toy"):
        frontier(network, _traces(Trace("x", 1.0, 0.0, 18)))
    with pytest.raises(PlanError, match="traces of activations"):
        frontier(network, _traces(Trace("all", 1.0, 0.0, 18), of="activations"))


@pytest.fixture
def hawq_v3(data_folder: Path) -> Callable[[str], ProfileStudy]:
    """A published network by its name."""
    path = data_folder / "hawq_v3" / "profiles.json"
    return lambda name: load_profile(path, network=name, name=name, reference=name, card=Card(name))


@pytest.mark.parametrize("cost", ["size", "bops", "latency"])
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_hawq_v3s_nine_published_plans_come_out(
    hawq_v3: Callable[[str], ProfileStudy], cost: Any, share: float
) -> None:
    """Least Ω at 25, 50 and 75 % of the way from all-4 to all-8 bits, for each of the three costs."""
    study = hawq_v3("resnet18")
    chosen = frontier(study, cost=cost).best_under(Budget("between", share))
    published = study.published_plans[f"{'modelsize' if cost == 'size' else cost}_{share}"]
    assert chosen.bits == published
    if (cost, share) == ("size", 0.5):
        assert chosen.omega == pytest.approx(0.0745, abs=5e-5)
        assert size_bytes(study.blocks(), chosen.bits) / 2**20 == pytest.approx(7.2656, abs=5e-5)


@pytest.mark.parametrize("cost", ["size", "bops"])
def test_resnet50_with_seven_widths_is_exact(hawq_v3: Callable[[str], ProfileStudy], cost: Any) -> None:
    found = frontier(hawq_v3("resnet50"), bits=(2, 3, 4, 5, 6, 7, 8), cost=cost)
    assert found.resolution == 0
    assert found.search_space == 7**48


def test_set_b_is_never_better_than_the_frontier(hawq_v3: Callable[[str], ProfileStudy]) -> None:
    study = hawq_v3("resnet50")
    restricted = frontier(study, bits=(2, 4, 6, 8), monotone=True)
    exact = frontier(study, bits=(2, 4, 6, 8))
    assert restricted.search_space == 20_825  # 48 groups after the ties
    assert study_problem(study, bits=(2, 4, 6, 8), monotone=True).search_space == 20_825
    for cost, omega in zip(restricted.cost, restricted.omega, strict=True):
        assert exact.best_under(Budget("at_most", float(cost))).omega <= omega + 1e-12


def test_a_question_and_plain_keywords_ask_the_same() -> None:
    """One spelling with one set of defaults, and the order in which things are named plays no part."""
    options: dict[str, Any] = {
        "bits": (8, 4),
        "cost": "bops",
        "keep": {"a": 8, "b": 8},
        "limits": {"size": 40},
    }
    question = FrontierQuestion(**options)
    asked, plain = study_problem(PROFILE, question=question), study_problem(PROFILE, **options)
    assert asked.search_space == plain.search_space == 2
    assert [bound.limit for bound in asked.bounds] == [bound.limit for bound in plain.bounds]
    usual = frontier(PROFILE, question=FrontierQuestion())
    assert list(usual.points()) == list(frontier(PROFILE).points())
    other = FrontierQuestion(**options | {"bits": [4, 8, 4], "keep": {"b": 8, "a": 8}})
    assert other == question
    assert other.canonical() == question.canonical()
    with pytest.raises(PlanError, match="bits was given beside a question; put it into the question"):
        study_problem(PROFILE, question=question, bits=(4, 8))


def test_a_table_of_ones_own_comes_with_the_question_as_text() -> None:
    lines = [f"{name},{bits},{bits}" for name in "abc" for bits in (4, 8)]
    question = FrontierQuestion(cost="latency", latencies="\n".join(["block,bits,milliseconds", *lines]))
    found = frontier(PROFILE, question=question)
    assert (found.point(0).cost, found.point(-1).cost) == (12, 24)
    assert len(frontier(PROFILE, question=question.but(cost="size", limits={"latency": 16}))) == 2
