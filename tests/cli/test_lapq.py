"""The command ``lapq``: the contract's JSON, a plan that the other commands take, mistakes in one line."""

import json
import re
from pathlib import Path

import pytest

from .conftest import Command, complaint

QUICK = ("--calibration", 12, "--method", "gradient")


def test_json_has_the_stages_and_the_plan_is_worth_the_last(
    explore: Command, folder: Path, tmp_path: Path
) -> None:
    plan = tmp_path / "plan.json"
    found = explore("lapq", "--study", folder, *QUICK, "--w-bits", 3, "--save", plan, "--json").json
    assert list(found["stages"]) == ["layerwise", "quadratic", "joint"]
    joint = found["stages"]["joint"]
    assert {"loss", "accuracy"} <= set(joint)
    assert found["steps"] == joint["steps"]
    assert found["evaluations"] > 10
    assert set(json.loads(plan.read_text())["steps"]["layers"]) == {"residual.first", "residual.second"}
    measured = explore("evaluate", "--study", folder, "--plan", plan, "--json").json
    assert measured["loss"] == joint["loss"]


def test_a_table_shows_the_stages(explore: Command, folder: Path) -> None:
    answer = explore("lapq", "--study", folder, *QUICK)
    assert answer.status == 0, answer.err
    assert "LAPQ on tiny, W4A4, gradient" in answer.out
    assert re.search(r"joint\s+│", answer.out)


def test_every_option_is_described(explore: Command) -> None:
    text = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    section = text[text.index("## lapq\n") : text.index("## lapq-table")]
    options = set(re.findall(r"^  (--[a-z-]+)", explore("lapq", "--help").out, re.M))
    assert {option for option in options if option not in section} == {"--device", "--help", "--time-limit"}


def test_methods_side_by_side(explore: Command, folder: Path) -> None:
    words = ("lapq-table", "--study", folder, *QUICK, "--w-bits", 3, "--test-images", 8)
    rows = explore(*words, "--json").json["rows"]
    assert [row["method"] for row in rows[:11]] == [
        "fp32",
        "min-max",
        "mmse",
        "aciq",
        "kl",
        "kl-nonzero",
        "ocs",
        "dual",
        "layerwise",
        "quadratic",
        "joint",
    ]
    assert [row["bias_correction"] for row in rows] == ["none"] * 11 + ["mean"] * 10
    shown = explore(*words)
    assert shown.status == 0, shown.err
    assert "Calibration of tiny, W3A4, 12 training images, 8 test images" in shown.out
    wrong = explore("lapq-table", "--study", folder, "--corrections", "none,median")
    assert "unknown bias correction 'median'" in complaint(wrong)


def test_every_option_of_the_comparison_is_described(explore: Command) -> None:
    text = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text(encoding="utf-8")
    section = text[text.index("## lapq-table") : text.index("## lapq-surface")]
    options = set(re.findall(r"^  (--[a-z-]+)", explore("lapq-table", "--help").out, re.M))
    assert {option for option in options if option not in section} == {"--device", "--help", "--time-limit"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--w-bits", 1), "the weights cannot have 1 bits here; give 2 to 8, or 32"),
        (("--calibration", 0), "Invalid value for '--calibration'"),
        (("--leave", "stern"), "there is no layer 'stern' to leave in FP32; the nearest names are 'stem'"),
        (("--leave", "", "--method", "newton"), "'newton' is not one of"),
        (("--form", "code", "--save", "plan.json"), "the steps of the form integer alone"),
    ],
)
def test_a_mistake_is_one_line(explore: Command, folder: Path, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in complaint(explore("lapq", "--study", folder, *words))
