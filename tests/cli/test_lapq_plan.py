"""The commands about step sizes at the widths of a plan: the steps come back in the plan, and widths are given once."""

import json
from pathlib import Path

import pytest

from .conftest import Command, complaint

QUICK = ("--calibration", 12, "--method", "gradient")
WIDTHS = {"stem": (8, 8), "residual.first": (3, 4), "residual.second": (2, 6), "head": (32, 5)}


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    blocks = {name: {"w_bits": w, "a_bits": a} for name, (w, a) in WIDTHS.items()}
    written = tmp_path / "plan.json"
    written.write_text(json.dumps({"version": 1, "study": "tiny", "blocks": blocks}))
    return written


def test_the_plan_comes_back_with_its_widths_and_the_steps(
    explore: Command, folder: Path, plan: Path, tmp_path: Path
) -> None:
    out = tmp_path / "stepped.json"
    found = explore("lapq", "--study", folder, *QUICK, "--plan", plan, "--out", out, "--json").json
    stepped = json.loads(out.read_text())
    assert {name: (of["w_bits"], of["a_bits"]) for name, of in stepped["blocks"].items()} == WIDTHS
    assert set(stepped["steps"]["layers"]) == set(WIDTHS)
    assert "w_step" not in stepped["steps"]["layers"]["head"], "left in FP32 by the plan"
    measured = explore("evaluate", "--study", folder, "--plan", out, "--json").json
    assert measured["loss"] == found["stages"]["joint"]["loss"]
    again = explore("lapq", "--study", folder, *QUICK, "--plan", out)
    assert again.status == 0, again.err
    assert "LAPQ on tiny, W2-32A4-8, gradient" in again.out


def test_a_plan_for_modules_comes_back_for_modules(explore: Command, folder: Path, tmp_path: Path) -> None:
    blocks = {name: {"w_bits": w, "a_bits": 4} for name, w in (("stem", 8), ("residual", 3), ("head", 4))}
    plan, out = tmp_path / "modules.json", tmp_path / "stepped.json"
    plan.write_text(json.dumps({"version": 1, "study": "tiny", "blocks": blocks}))
    explore("lapq", "--study", folder, *QUICK, "--plan", plan, "--out", out)
    assert json.loads(out.read_text())["blocks"] == blocks


@pytest.mark.parametrize(
    "words",
    [
        ("lapq-table", "--calibration", 8, "--test-images", 4, "--corrections", "none"),
        (
            "lapq-surface",
            "--calibration",
            8,
            "--points",
            5,
            "--first",
            "stem.weight",
            "--second",
            "head.input",
        ),
        ("lapq-sweep", "--calibration", 8, "--sweep", "distance"),
        ("lapq-hessian", "--calibration", 8, "--no-separability"),
    ],
)
def test_every_diagnostic_takes_the_plan(
    explore: Command, folder: Path, plan: Path, words: tuple[str, ...]
) -> None:
    answer = explore(*words, "--study", folder, "--plan", plan)
    assert answer.status == 0, answer.err
    assert "W2-32A4-8" in answer.out


@pytest.mark.parametrize(("option", "value"), [("--w-bits", 4), ("--a-bits", 3), ("--leave", "stem")])
@pytest.mark.parametrize("command", ["lapq", "lapq-table"])
def test_widths_beside_a_plan_are_one_line(
    explore: Command, folder: Path, plan: Path, command: str, option: str, value: object
) -> None:
    """Also where what was typed is what would be taken anyway."""
    answer = explore(command, "--study", folder, "--plan", plan, option, value)
    assert f"the plan gives every layer its width; leave out --plan or {option}" in complaint(answer)
    assert answer.status == 2
