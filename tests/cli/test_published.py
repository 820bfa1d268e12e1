"""The command line gives the numbers the papers print."""

import json
from pathlib import Path

import pytest

from explorer import studies
from explorer.blocks import study_blocks
from explorer.plans import table_vi

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
    plan = table_vi(study, study_blocks(study, "module"))
    assert plan is not None
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(plan.to_json()))
    answer = explore("evaluate", "--study", "cifar10-resnet20", "--plan", path, "--json").json
    assert answer["size_bytes"] == 81_888
    assert round(answer["compression"], 3) == 13.107


@pytest.mark.slow
def test_the_default_study_has_traces(explore: Command) -> None:
    words = ("--study", "fashion-resnet20", "--samples", 32, "--rel-se", 0.5)
    answer = explore("traces", *words, "--json").json
    assert len(answer["blocks"]) == 20
    assert all(block["trace"] > 0 for block in answer["blocks"]), "a trained network is near a minimum"
