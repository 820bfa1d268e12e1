"""The command line gives the numbers the papers print."""

import json
from pathlib import Path

import pytest

from explorer import studies
from explorer.plans import bops, read_plan, size_bytes, table_vi

from .conftest import Command

MIB = 2**20


def test_the_frontier_of_hawq_v3_holds_its_published_plan(explore: Command) -> None:
    """HAWQ-V3's 8-bit and 4-bit plan of ResNet-18 at half way between the two sizes."""
    words = ("--bits", "4,8", "--cost", "size", "--budget-between", "0.5")
    answer = explore("frontier", "--study", "hawq-v3-resnet18", *words, "--json").json
    chosen = answer["chosen"]
    study = studies.load("hawq-v3-resnet18")
    assert isinstance(study, studies.ProfileStudy)
    assert chosen["bits"] == study.published_plans["modelsize_0.5"]
    assert chosen["cost"] / MIB == pytest.approx(7.2656, abs=5e-5)
    assert chosen["omega"] == pytest.approx(0.0745, abs=5e-5)
    assert answer["search_space"] == str(2**16), "three ties of 19 blocks hold by themselves"


@pytest.mark.parametrize("solver", ["frontier", "milp"])
def test_several_limits_at_once_and_what_the_solver_says(explore: Command, solver: str) -> None:
    words = ("--bits", "4,8", "--budget-between", 0.5, "--limit", "bops=6e10", "--limit", "latency=4")
    answer = explore("frontier", "--study", "hawq-v3-resnet18", *words, "--solver", solver, "--json").json
    assert answer["solver"] == solver
    assert [limit["cost"] for limit in answer["limits"]] == ["bops", "latency"]
    chosen = answer["chosen"]
    assert chosen["omega"] == pytest.approx(0.280209, abs=1e-6)
    assert chosen["limited"]["bops"] <= 6e10
    assert chosen["limited"]["latency"] <= 4
    if solver == "milp":
        assert answer["gap"] == 0
        assert answer["certificate"]["bound"] == pytest.approx(chosen["omega"])
        assert answer["binding"] == ["latency"]
        assert len(answer["points"]) == 1
    else:
        assert answer["slack"] == [0, 0]
        assert answer["points"][-1]["omega"] == chosen["omega"]


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        (("--cost", "bops"), "weights"),
        (("--cost", "bops", "--a-bits", 8), 8),
        (("--cost", "latency"), "weights"),
        (("--cost", "size", "--a-bits", "weights"), "weights"),
        (("--cost", "size", "--limit", "bops=6e10"), "weights"),
        (("--cost", "size"), 8),
    ],
)
@pytest.mark.parametrize("solver", ["frontier", "milp", "greedy"])
def test_the_plan_that_is_written_has_the_activations_that_were_counted(
    explore: Command, tmp_path: Path, words: tuple[str, ...], rule: int | str, solver: str
) -> None:
    """Costs, limits and plan.json speak of the same widths."""
    out = tmp_path / "plan.json"
    name = "hawq-v3-resnet18"
    answer = explore(
        *("frontier", "--study", name, "--bits", "4,8", *words, "--budget-between", 0.5, "--solver", solver),
        *("--out", out, "--json"),
    ).json
    assert answer["activations"] == rule
    study = studies.load(name)
    plan, blocks = read_plan(out, study=study, partitions=(study.blocks(),))
    assert all(bits.a_bits == (bits.w_bits if rule == "weights" else rule) for bits in plan.blocks.values())
    costs = {"size": size_bytes(blocks, plan.w_bits), "bops": bops(blocks, plan)}
    if answer["cost"] in costs:
        assert costs[answer["cost"]] == pytest.approx(answer["chosen"]["cost"], abs=1)
    if "limited" in answer["chosen"]:
        assert costs["bops"] == answer["chosen"]["limited"]["bops"] <= 6e10


def test_the_greedy_path_is_answered_like_a_frontier(explore: Command) -> None:
    words = ("--study", "hawq-v3-resnet18", "--bits", "4,8", "--budget-between", 0.5)
    exact = explore("frontier", *words, "--json").json
    answer = explore("frontier", *words, "--solver", "greedy", "--json").json
    assert answer["chosen"]["omega"] >= exact["chosen"]["omega"]
    assert answer["chosen"]["cost"] <= exact["chosen"]["cost"]
    assert len(answer["points"]) == 17
    assert answer["points"][0]["bits"] == exact["points"][0]["bits"]


def test_widths_of_single_blocks_hold_in_every_point(explore: Command) -> None:
    first, last = "stage1.unit1.conv1", "stage4.unit2.conv2"
    words = ("--max", "stage1.unit1.conv2=4", "--min", "stage3.unit2.conv1=8", "--first-last-at", 8)
    answer = explore("frontier", "--study", "hawq-v3-resnet18", *words, "--auto-ties", "--json").json
    assert answer["search_space"] == str(2**12)
    for point in answer["points"]:
        assert point["bits"][first] == point["bits"][last] == point["bits"]["stage3.unit2.conv1"] == 8
        assert point["bits"]["stage1.unit1.conv2"] == 4


@pytest.mark.parametrize("cost", ["size", "bops", "latency"])
def test_every_cost_of_a_profile_has_a_frontier(explore: Command, cost: str) -> None:
    words = ("--study", "hawq-v3-resnet50", "--bits", "4,8", "--cost", cost)
    answer = explore("frontier", *words, "--json").json
    assert answer["chosen"] is None
    assert set(answer["points"][0]["bits"].values()) == {4}
    assert set(answer["points"][-1]["bits"].values()) == {8}


@pytest.mark.slow
def test_table_vi_on_resnet20_weighs_what_hawq_says(
    explore: Command, data_folder: Path, tmp_path: Path
) -> None:
    study = studies.load_network("cifar10-resnet20")
    plan = table_vi(study, study.blocks("module"))
    assert plan is not None
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan.to_json()))
    answer = explore("evaluate", "--study", "cifar10-resnet20", "--plan", path, "--json").json
    assert answer["size_bytes"] == 81_888
    assert round(answer["compression"], 3) == 13.107
