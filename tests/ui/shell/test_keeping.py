"""Plans kept in files and in the address come back as they were."""

from pathlib import Path

import pytest

from explorer import plans, studies
from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.plans import BlockBits, Plan
from explorer.studies import Study
from explorer.ui.shell import session
from explorer.ui.state import link
from tests.ui.conftest import PROFILE


@pytest.fixture
def blocks(study: Study) -> tuple[Block, ...]:
    return study.blocks()


@pytest.fixture
def plan(study: Study, blocks: tuple[Block, ...]) -> Plan:
    widths = [(1, 8), (3, 4), (16, 32), (8, 2)]
    bits = {block.name: BlockBits(w, a) for block, (w, a) in zip(blocks, widths, strict=True)}
    return Plan(study.name, study.weights_sha256, bits)


def test_a_kept_plan_comes_back(study: Study, blocks: tuple[Block, ...], plan: Plan) -> None:
    assert plans.saved_plans(study, blocks) == []
    kept = plans.save_plan(plan, "öl 1.5 +x")
    assert kept == plan.named("öl 1.5 +x")
    assert plans.saved_plans(study, blocks) == [kept]


def test_the_same_name_replaces_and_other_names_are_in_order(
    study: Study, blocks: tuple[Block, ...], plan: Plan, explorer_home: Path
) -> None:
    for name in ("b", "a", "b"):
        plans.save_plan(plan, name)
    better = plans.save_plan(plan.with_bits(blocks[0].name, w_bits=8), "b")
    assert plans.saved_plans(study, blocks) == [plan.named("a"), better]
    assert sorted(path.name for path in explorer_home.rglob("plans/*/*")) == ["a.json", "b.json"]


def test_each_partition_and_each_study_has_its_own(
    study: Study, blocks: tuple[Block, ...], plan: Plan
) -> None:
    modules = study.blocks("module")
    profile = studies.load(PROFILE)
    assert isinstance(profile, studies.ProfileStudy)
    plans.save_plan(plan, "layers")
    published = plans.save_plan(Plan.uniform(profile, profile.blocks(), 4, 8), "published")
    assert plans.saved_plans(profile, profile.blocks()) == [published]
    if {block.name for block in modules} != {block.name for block in blocks}:
        plans.save_plan(Plan.uniform(study, modules, 4, 8), "modules")
        assert [kept.name for kept in plans.saved_plans(study, modules)] == ["modules"]
    assert [kept.name for kept in plans.saved_plans(study, blocks)] == ["layers"]


def test_a_damaged_file_is_passed_over(
    study: Study, blocks: tuple[Block, ...], plan: Plan, explorer_home: Path
) -> None:
    plans.save_plan(plan, "good")
    [path] = explorer_home.rglob("plans/*/good.json")
    path.with_name("bad.json").write_text("{", encoding="utf-8")
    path.with_name("other.json").write_bytes(b"\xff\xfe")
    assert [kept.name for kept in plans.saved_plans(study, blocks)] == ["good"]


@pytest.mark.parametrize("name", ["", "../up", "a/b", "a\\b", ".hidden", " ", "x" * 61, "a\n", "a:b", "a\0b"])
def test_a_name_that_is_no_files_name_is_refused(plan: Plan, explorer_home: Path, name: str) -> None:
    with pytest.raises(PlanError, match="a plan cannot be called"):
        plans.save_plan(plan, name)
    assert not list(explorer_home.rglob("*.json"))


def test_the_address_carries_a_plan_there_and_back(
    study: Study, blocks: tuple[Block, ...], plan: Plan
) -> None:
    names = [block.name for block in blocks]
    assert link.encode(plan) == "1.3.16.8_8.4.32.2"
    assert link.decode(link.encode(plan), study, names) == plan
    assert link.decode(link.encode(plan.named("small")), study, names) == plan, "a name stays at home"


def test_studies_of_ones_own_are_named_by_options_and_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EXPLORER_STUDIES", "c:b:")
    monkeypatch.setattr("sys.argv", ["app.py", "--study", "a", "--other", "--study", "b"])
    monkeypatch.setattr("os.pathsep", ":")
    assert session.own_studies() == ("a", "b", "c")
