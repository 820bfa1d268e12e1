"""What a plan costs, what it damages and what it is are told of the same widths, of weights and of activations.

Every dot of every scene is taken and counted again by hand: over all axes, limits, rules for the activations, ties and
menus, of a study with published latencies and of one whose layers' shapes are known.
"""

from collections.abc import Iterator, Mapping
from itertools import product
from types import SimpleNamespace
from typing import Any

import pytest

from explorer.blocks import Block, Layer
from explorer.errors import PlanError
from explorer.plans import (
    DamageTable,
    FrontierQuestion,
    InfeasibleError,
    Plan,
    cost_table,
    enumerate_set_b,
    greedy,
    solve,
    study_problem,
)
from explorer.plans.plan.plan import ALLOWED_BITS
from explorer.plans.scene import Scene, compose, has_set_b
from explorer.studies.study import Card, ProfileStudy

NAMES = ("a", "b", "c", "d")
WEIGHTS = dict(zip(NAMES, (80, 160, 96, 40), strict=True))
MACS = dict(zip(NAMES, (900, 200, 500, 100), strict=True))
READ = dict(zip(NAMES, (30, 20, 10, 4), strict=True))
SENSITIVE = dict(zip(NAMES, (1.0, 0.1, 0.5, 0.3), strict=True))
RULES: tuple[dict[str, Any], ...] = (
    {},
    {"a_bits": 8},
    {"a_bits": 4},
    {"a_bits": "weights"},
    {"a_menu": (4, 8)},
)
OTHERS: tuple[dict[str, Any], ...] = (
    {},
    {"ties": (("b", "c"),), "keep": {"a": 8}},
    {"first_last_at": 8, "maximum": {"b": 4}},
)


def blocks() -> tuple[Block, ...]:
    return tuple(
        Block(
            name,
            (Layer(name, "Linear", f"{name}.weight", (4, WEIGHTS[name] // 4), WEIGHTS[name], MACS[name], calls=1,
                   input_shape=(READ[name],), output_shape=(4,)),),
        )
        for name in NAMES
    )  # fmt: skip


def damage() -> DamageTable:
    """Of activations too, so that every rule has its Ω."""
    weights = {name: {bits: SENSITIVE[name] * 4.0**-bits for bits in ALLOWED_BITS} for name in NAMES}
    inputs = {name: {bits: 3.0**-bits / SENSITIVE[name] for bits in ALLOWED_BITS} for name in NAMES}
    return DamageTable(weights, SENSITIVE, {}, activation=inputs)


MILLISECONDS = {name: {bits: 0.01 * MACS[name] * bits**0.5 for bits in (2, 4, 8)} for name in NAMES}
PUBLISHED = ProfileStudy(
    name="published",
    reference="published",
    card=Card("Published figures", source="nobody"),
    published_blocks=blocks(),
    mean_traces=SENSITIVE,
    squared_errors={name: {bits: 4.0**-bits for bits in (2, 4, 8)} for name in NAMES},
    latency_ms=MILLISECONDS,
    latency_device="a stopwatch",
    ties=(),
    published_plans={"theirs": dict.fromkeys(NAMES, 4)},
    weights_sha256="0" * 64,
)
NETWORK: Any = SimpleNamespace(
    name="network",
    weights_sha256="1" * 64,
    has_network=True,
    blocks={"layer": blocks(), "module": ()}.__getitem__,
)


def by_hand(cost: str, plan: Plan) -> float:
    """What a plan costs, straight from the meaning of the cost."""
    pairs: Mapping[str, tuple[int, int]] = {n: (b.w_bits, b.a_bits) for n, b in plan.blocks.items()}
    if cost == "size":
        return sum(WEIGHTS[name] * w for name, (w, _) in pairs.items()) / 8
    if cost == "bops":
        return sum(MACS[name] * w * a for name, (w, a) in pairs.items())
    if cost == "activations":
        return sum(READ[name] * a for name, (_, a) in pairs.items()) / 8
    assert all(w == a for w, a in pairs.values()), "a latency that was published for other activations"
    return sum(MILLISECONDS[name][w] for name, (w, _) in pairs.items())


def scenes(study: Any, axis: str, other: str | None) -> Iterator[Scene]:
    """Of every rule that the costs allow, with a limit halfway on another cost."""
    for rule, further in product(RULES, OTHERS):
        asked: dict[str, Any] = {"bits": (2, 4, 8), "cost": axis, **rule, **further}
        table = damage() if study.has_network or rule else None
        try:
            if other is not None:
                free = study_problem(study, damage=table, **asked | {"cost": other})
                most = (free.extreme("lowest") + free.extreme("highest")) / 2 / free.cost.divisor
                asked["limits"] = {other: most}
            question = FrontierQuestion(**asked)
            problem = study_problem(study, damage=table, question=question)
        except PlanError:  # published latencies are of activations as wide as the weights
            if "latency" not in (axis, other) or rule.get("a_bits") == "weights" or not rule:
                raise
            continue
        theirs = study_problem(study, damage=table, question=question.but(monotone=True))
        yield compose(
            study,
            study.blocks("layer"),
            question,
            solve(problem),
            set_b=enumerate_set_b(theirs) if has_set_b(problem, question) else None,
            greedy=greedy(problem),
            saved=[Plan.uniform(study, study.blocks("layer"), 4, 8, name="mine")],
        )


AXES = [
    (study, axis, other)
    for study in (PUBLISHED, NETWORK)
    for axis, other in product(("size", "bops", "activations", "latency"), repeat=2)
    if study is PUBLISHED or "latency" not in (axis, other)
]


@pytest.mark.parametrize(("study", "axis", "other"), AXES, ids=lambda each: getattr(each, "name", each))
def test_a_plan_that_is_taken_costs_what_its_dot_said_and_keeps_every_limit(
    study: Any, axis: str, other: str
) -> None:
    """A click on 0.36 GBOPs gave a plan of 0.829: its activations had 8 bits, the dot's were as wide as the weights."""
    limit = None if other == axis else other
    seen = set()
    for scene in scenes(study, axis, limit):
        most: dict[Any, float] = scene.question.limits
        table = scene.frontier.problem.damage
        dots = {
            "frontier": (scene.frontier.cost[scene.points], scene.frontier.omega[scene.points]),
            "greedy": (scene.greedy.cost, scene.greedy.omega) if scene.greedy else ((), ()),
            "set B": (scene.set_b.cost[scene.dots], scene.set_b.omega[scene.dots])
            if scene.set_b
            else ((), ()),
            **{kind: zip_places(scene, found) for kind, found in scene.named.items()},
        }
        for kind, (costs, omegas) in dots.items():
            for index, (cost, omega) in enumerate(zip(costs, omegas, strict=True)):
                plan = scene.plan(study, study.blocks("layer"), kind, index)
                assert plan is not None
                seen.add(kind)
                assert by_hand(axis, plan) == pytest.approx(cost)
                damaged = sum(
                    table.values[n][b.w_bits] + table.activation.get(n, {}).get(b.a_bits, 0.0)
                    for n, b in plan.blocks.items()
                )
                assert damaged == pytest.approx(omega)
                assert scene.place(plan) == pytest.approx((cost, omega))
                assert not scene.broken(plan)
                if limit:
                    assert by_hand(limit, plan) <= most[limit] * (1 + 1e-12)
        taken = scene.under(float(scene.frontier.cost[-1])).plan(study, study.blocks("layer"))
        assert by_hand(axis, taken) == pytest.approx(scene.frontier.cost[-1])
    assert {"frontier", "set B", "greedy", "uniform"} <= seen


def zip_places(scene: Scene, found: tuple[Plan, ...]) -> tuple[list[float], list[float]]:
    places = [scene.place(plan) for plan in found]
    return [cost for cost, _ in places], [omega for _, omega in places]


@pytest.mark.parametrize("rule", RULES, ids=str)
@pytest.mark.parametrize("cost", ["size", "bops", "activations"])
def test_the_nearest_plan_needs_what_is_said_of_it(rule: dict[str, Any], cost: Any) -> None:
    with pytest.raises(InfeasibleError) as refused:
        solve(study_problem(NETWORK, damage=damage(), bits=(2, 4), limits={cost: 1.0}, **rule))
    assert refused.value.nearest is not None
    plan = refused.value.nearest.plan(NETWORK, blocks())
    assert by_hand(cost, plan) == pytest.approx(refused.value.loosened[cost])


def test_a_limit_counts_the_activations_that_the_plans_have() -> None:
    """With 8-bit activations fewer bit operations are possible than with activations as wide as 2-bit weights."""
    following = study_problem(PUBLISHED, bits=(2, 8), limits={"bops": 20_000}, a_bits="weights")
    eight = study_problem(PUBLISHED, bits=(2, 8), limits={"bops": 20_000}, a_bits=8)
    assert len(solve(following)) > 1
    with pytest.raises(InfeasibleError):
        solve(eight)


def test_a_published_latency_is_of_activations_as_wide_as_the_weights() -> None:
    table = cost_table(PUBLISHED, PUBLISHED.blocks(), "latency", (2, 4, 8))
    assert table.at("a", 4, 4) == table.at("a", 4)
    with pytest.raises(PlanError, match="no latency is known for a at 4/8 bits; its table has 2/2, 4/4, 8/8"):
        table.at("a", 4, 8)


def test_the_default_rule_is_8_bits_and_as_the_weights_where_a_cost_counts_activations() -> None:
    def rule(**asked: Any) -> int | None:
        return study_problem(PUBLISHED, bits=(2, 4, 8), **asked).a_bits

    assert rule() == 8
    assert rule(cost="bops") is None
    assert rule(limits={"activations": 100}) is None
    assert rule(a_bits="weights") is None
    assert rule(cost="bops", a_bits=4) == 4
