"""Published figures: those that ship are whole, and a file of one's own is checked."""

import json
from pathlib import Path
from typing import Any

import pytest

from explorer import studies
from explorer.errors import StudyError
from explorer.studies import ProfileStudy

TOML = 'name = "mine"\nkind = "profile"\n[profile]\npath = "p.json"\n'


def profile(name: str) -> ProfileStudy:
    study = studies.load(name)
    assert isinstance(study, ProfileStudy)
    return study


@pytest.mark.parametrize(("name", "blocks"), [("hawq-v3-resnet18", 19), ("hawq-v3-resnet50", 52)])
def test_the_shipped_figures_are_whole(name: str, blocks: int) -> None:
    study = profile(name)
    names = [block.name for block in study.blocks()]
    assert len(names) == len(set(names)) == blocks
    assert set(study.mean_traces) == set(study.squared_errors) == set(study.latency_ms) == set(names)
    for block in names:
        assert study.mean_traces[block] > 0
        assert set(study.squared_errors[block]) == set(study.latency_ms[block]) == {4, 8}
        assert study.squared_errors[block][4] > study.squared_errors[block][8]
    assert all(block.weights > 0 and block.macs > 0 for block in study.blocks())
    assert "published" in study.card.title


def test_the_first_resnet18_block_is_as_published() -> None:
    study = profile("hawq-v3-resnet18")
    first = study.blocks()[0]
    assert (first.name, first.weights, first.macs) == ("stage1.unit1.conv1", 64 * 64 * 9, 115_605_504)
    assert study.mean_traces[first.name] == 0.06857826
    assert study.squared_errors[first.name] == {4: 6.743, 8: 0.0235}


@pytest.mark.parametrize("name", ["hawq-v3-resnet18", "hawq-v3-resnet50"])
def test_ties_and_published_plans_name_blocks(name: str) -> None:
    study = profile(name)
    names = {block.name for block in study.blocks()}
    assert all(len(group) > 1 and set(group) <= names for group in study.ties)
    for bits in study.published_plans.values():
        assert set(bits) == names
        assert set(bits.values()) <= {4, 8}
        for group in study.ties:
            assert len({bits[block] for block in group}) == 1


def test_resnet18_has_the_nine_published_plans() -> None:
    assert len(profile("hawq-v3-resnet18").published_plans) == 9


def figures() -> dict[str, Any]:
    block = {
        "weights": 10,
        "mac_millions": 1.5,
        "mean_hessian_trace": 0.1,
        "squared_error": {"4": 1.0, "8": 0.1},
    }
    return {
        "blocks": [{"name": "a", **block}, {"name": "b", **block}],
        "ties": [[0, 1]],
        "published_plans": {"all 4": [4, 4]},
    }


def write(tmp_path: Path, content: str) -> Path:
    (tmp_path / "study.toml").write_text(TOML, encoding="utf-8")
    (tmp_path / "p.json").write_text(content, encoding="utf-8")
    return tmp_path


def test_a_profile_of_ones_own(tmp_path: Path) -> None:
    study = studies.load(write(tmp_path, json.dumps(figures())))
    assert isinstance(study, ProfileStudy)
    assert study.ties == (("a", "b"),)
    assert study.published_plans == {"all 4": {"a": 4, "b": 4}}
    assert study.blocks()[1].macs == 1_500_000
    assert study.latency_ms == {"a": {}, "b": {}}


def set_in_block(key: str, value: Any) -> dict[str, Any]:
    content = figures()
    content["blocks"][1][key] = value
    return content


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "nests brackets more than 32 deep"),
        ("[1, 2]", "is wrong at the whole"),
        (json.dumps({"blocks": []}), "is wrong at blocks"),
        (json.dumps({"ties": []}), "is wrong at blocks"),
        (json.dumps(set_in_block("weights", 0)), "is wrong at blocks.1.weights"),
        (json.dumps(set_in_block("weights", "many")), "is wrong at blocks.1.weights"),
        (
            json.dumps(set_in_block("mean_hessian_trace", float("nan"))),
            "is not JSON (NaN is no number of JSON)",
        ),
        (
            json.dumps(set_in_block("mean_hessian_trace", 1e308)),
            "is wrong at blocks.1.mean_hessian_trace",
        ),
        (
            json.dumps(set_in_block("squared_error", {"4": float("inf")})),
            "is not JSON (Infinity is no number of JSON)",
        ),
        (json.dumps(set_in_block("squared_error", {"4": -1.0})), "is wrong at blocks.1.squared_error.4"),
        (json.dumps(set_in_block("squared_error", {"four": 1.0})), "is wrong at blocks.1.squared_error.four"),
        (json.dumps(set_in_block("squared_error", {})), "is wrong at blocks.1.squared_error"),
        (json.dumps(set_in_block("name", "a")), "has two blocks of one name"),
        (json.dumps({**figures(), "ties": [[0, 2]]}), "ties block number 2, and there are 2 blocks"),
        (
            json.dumps({**figures(), "published_plans": {"p": [4]}}),
            "the published plan p in p.json has 1 bits",
        ),
    ],
)
def test_one_thing_wrong_in_a_profile(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(StudyError) as caught:
        studies.load(write(tmp_path, content))
    assert said in str(caught.value)


def test_a_missing_profile_or_network(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(TOML, encoding="utf-8")
    with pytest.raises(StudyError, match=r"p.json does not exist"):
        studies.load(tmp_path)
    write(tmp_path, json.dumps({"x": figures()}))
    (tmp_path / "study.toml").write_text(TOML + 'network = "y"\n', encoding="utf-8")
    with pytest.raises(StudyError, match="has no network 'y'"):
        studies.load(tmp_path)


def test_a_profile_study_needs_its_section(tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text('name = "mine"\nkind = "profile"\n', encoding="utf-8")
    with pytest.raises(StudyError, match=r"has no \[profile\] section"):
        studies.load(tmp_path)
