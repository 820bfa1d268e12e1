"""A plan survives its file, and every plan that does not fit says in one sentence why."""

import copy
import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.plans import ALLOWED_BITS, BlockBits, Difference, Plan, read_plan, write_plan
from tests.plans.instances import STUDY, Identity, block, blocks

LAYERS = (block("m0.conv1", 10), block("m0.conv2", 20), block("fc", 5))
MODULES = (Block("m0", (LAYERS[0].layers[0], LAYERS[1].layers[0])), LAYERS[2])
widths = st.sampled_from(ALLOWED_BITS)


@given(st.lists(st.tuples(widths, widths), min_size=3, max_size=3), st.text(max_size=5))
def test_a_plan_survives_its_file(chosen: list[tuple[int, int]], name: str) -> None:
    bits = {b.name: BlockBits(w, a) for b, (w, a) in zip(LAYERS, chosen, strict=True)}
    plan = Plan(STUDY.name, STUDY.weights_sha256, bits, name)
    read, partition = read_plan(json.dumps(plan.to_json()), study=STUDY, partitions=(MODULES, LAYERS))
    assert read == plan
    assert list(read.blocks) == [b.name for b in LAYERS]
    assert partition is LAYERS


def test_the_file_is_the_contract() -> None:
    plan = Plan.uniform(STUDY, LAYERS[:1], 4, 8)
    assert plan.to_json() == {
        "version": 1,
        "study": "toy",
        "weights_sha256": "ab" * 32,
        "blocks": {"m0.conv1": {"w_bits": 4, "a_bits": 8}},
    }
    assert plan.named("mine").to_json()["name"] == "mine"


def test_blocks_come_back_in_depth_order_whatever_the_file_says() -> None:
    content = Plan.uniform(STUDY, tuple(reversed(LAYERS)), 4, 8).to_json()
    assert list(read_plan(content, study=STUDY, partitions=(LAYERS,))[0].blocks) == [b.name for b in LAYERS]


def test_a_plan_by_hand_needs_no_hash_of_the_weights() -> None:
    """It is taken for the study's weights, which cannot be checked, and that is remarked."""
    plan = Plan.uniform(STUDY, LAYERS, 4, 8)
    content = plan.to_json()
    said: list[str] = []
    assert read_plan(content, study=STUDY, partitions=(LAYERS,), remark=said.append)[0] == plan
    assert said == []
    del content["weights_sha256"]
    for source in (content, content | {"weights_sha256": None}):
        assert read_plan(source, study=STUDY, partitions=(LAYERS,), remark=said.append)[0] == plan
        assert "has no weights_sha256" in said.pop()
    assert read_plan(content, study=STUDY, partitions=(LAYERS,))[0] == plan


def test_a_plan_is_written_whole_or_refused_in_a_sentence(tmp_path: Path) -> None:
    plan = Plan.uniform(STUDY, LAYERS, 4, 8, name="mine")
    write_plan(plan, tmp_path / "plan.json")
    assert read_plan(tmp_path / "plan.json", study=STUDY, partitions=(LAYERS,))[0] == plan
    for nowhere, reason in ((tmp_path, "not a file"), (tmp_path / "absent" / "plan.json", "No such file")):
        with pytest.raises(
            PlanError, match=rf"cannot be written to {nowhere} \({reason}.*name another place"
        ):
            write_plan(plan, nowhere)


def test_the_names_decide_the_granularity(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(json.dumps(Plan.uniform(STUDY, MODULES, 4, 8).to_json()), encoding="utf-8")
    plan, partition = read_plan(path, study=STUDY, partitions=(LAYERS, MODULES))
    assert partition is MODULES
    assert plan.layer_bits(partition) == {"m0.conv1": (4, 8), "m0.conv2": (4, 8), "fc": (4, 8)}


def _content(**changes: Any) -> dict[str, Any]:
    return Plan.uniform(STUDY, LAYERS, 4, 8).to_json() | changes


def _with_bits(**bits: Any) -> dict[str, Any]:
    content = _content()
    content["blocks"]["fc"] |= bits
    return content


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("{not json", "the plan is not JSON"),
        (b"\xff\xfe", "the plan is not text in UTF-8"),
        ('{"version": ' + "9" * 5000 + "}", "the plan has a number of more than 40 digits"),
        ("[" * 100, "the plan nests brackets more than 32 deep"),
        (b" " * 5_000_001, "the plan is larger than 5 MB"),
        ("[1]", "the plan is JSON but not an object"),
        ({}, "the plan has no version; this program reads version 1"),
        (_content(version=2), "the plan has version 2; this program reads version 1"),
        (_content(version=True), "the plan has version True"),
        (_content(blocks={}), "the plan's blocks is wrong"),
        (_content(name="x" * 81), "the plan's name is wrong: String should have at most 80 characters"),
        (_content(blocks={"fc": {"w_bits": 4}}), "the plan's blocks.fc.a_bits is wrong: Field required"),
        (_with_bits(w_bits="4"), "the plan's blocks.fc.w_bits is wrong: Input should be a valid integer"),
        (
            _with_bits(w_bits=9),
            "block fc: weights cannot have 9 bits; a width is one of 1 to 8, 16 and 32 bits",
        ),
        (_with_bits(a_bits=0), "block fc: activations cannot have 0 bits"),
        (_content(study="other"), "for the study 'other', not for 'toy'"),
        (
            _content(weights_sha256="cd" * 32),
            "made for other weights of toy .sha256 cdcdcdcdcdcd, the study's are",
        ),
        (_content(blocks={"fc": {"w_bits": 4, "a_bits": 4}}), "the plan gives no bits to "),
        (
            _content(blocks=_content()["blocks"] | {f"x{i}": {"w_bits": 4, "a_bits": 4} for i in range(7)}),
            r"has blocks that toy does not have \(x0, x1, x2, x3, x4 and 2 more\)",
        ),
    ],
)
def test_a_file_that_is_no_plan_of_this_study_is_refused(source: Any, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence) as caught:
        read_plan(source, study=STUDY, partitions=(MODULES, LAYERS))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match=r"absent.json does not exist; give the path of a plan.json"):
        read_plan(tmp_path / "absent.json", study=STUDY, partitions=(LAYERS,))
    with pytest.raises(PlanError, match="cannot be read"):
        read_plan(tmp_path, study=STUDY, partitions=(LAYERS,))


def test_changing_one_block_changes_only_it_and_leaves_the_original() -> None:
    plan = Plan.uniform(STUDY, blocks(3), 4, 8, name="start")
    changed = plan.with_bits("b1", w_bits=2)
    assert plan.differences(changed) == (Difference("b1", BlockBits(4, 8), BlockBits(2, 8)),)
    assert changed.name == "start"
    assert changed.with_bits("b1", w_bits=4) == plan
    assert plan.w_bits == {"b0": 4, "b1": 4, "b2": 4}
    assert plan.a_bits["b1"] == 8


@pytest.mark.parametrize(
    ("block_name", "bits", "sentence"),
    [
        ("b9", {"w_bits": 4}, "the plan has no block b9; its blocks are b0, b1, b2, b3, b4 and 1 more"),
        ("b1", {"w_bits": 9}, "block b1: weights cannot have 9 bits"),
        ("b1", {"a_bits": 12}, "block b1: activations cannot have 12 bits"),
    ],
)
def test_an_impossible_change_is_refused(block_name: str, bits: dict[str, int], sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        Plan.uniform(STUDY, blocks(6), 4, 8).with_bits(block_name, **bits)


def test_plans_of_different_blocks_are_not_compared() -> None:
    with pytest.raises(PlanError, match=r"different blocks \(b2\)"):
        Plan.uniform(STUDY, blocks(3), 4, 8).differences(Plan.uniform(STUDY, blocks(2), 4, 8))
    with pytest.raises(PlanError, match="gives no bits to b2"):
        Plan.uniform(STUDY, blocks(2), 4, 8).layer_bits(blocks(3))


def test_activations_follow_the_weights_unless_told() -> None:
    given_bits = {"b0": 2, "b1": 8}
    assert Plan.of_weights(STUDY, blocks(2), given_bits).a_bits == given_bits
    assert Plan.of_weights(STUDY, blocks(2), given_bits, a_bits=8).a_bits == {"b0": 8, "b1": 8}
    with pytest.raises(PlanError, match="gives no bits to b2"):
        Plan.of_weights(STUDY, blocks(3), given_bits)


def test_plans_are_values() -> None:
    """They are pickled to workers, copied, used as keys, and nobody can change one by accident."""
    plan = Plan.uniform(Identity(), blocks(2), 4, 8)
    assert pickle.loads(pickle.dumps(plan)) == plan == copy.deepcopy(plan)
    assert len({plan, Plan.uniform(Identity(), blocks(2), 4, 8)}) == 1
    with pytest.raises(TypeError):
        plan.blocks["b0"] = BlockBits(2, 2)  # type: ignore[index]
    with pytest.raises(PlanError, match="needs at least one block"):
        Plan("toy", "", {})
