"""The benchmark of LAPQ runs, and its reference computes the losses that ours does."""

import json
from pathlib import Path

import pytest

from benchmarks import lapq
from tests import learnable


def test_a_quick_run_writes_its_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    study = learnable.write(tmp_path / "learnable")
    page, numbers = tmp_path / "lapq.md", tmp_path / "lapq.json"
    words = [
        "--quick",
        "--study",
        str(study),
        "--w-bits",
        "2",
        "--markdown",
        str(page),
        "--json",
        str(numbers),
    ]
    assert lapq.main(words) == 0
    joint, surface = json.loads(numbers.read_text(encoding="utf-8"))["tables"]
    reference, replayed, powell, _, gradient = joint["rows"]
    assert reference["loss"] == replayed["loss"]
    assert reference["equivalents"] >= replayed["equivalents"]
    assert replayed["faster_than_reference"] == pytest.approx(reference["seconds"] / replayed["seconds"])
    assert powell["method"] == "powell, ours"
    assert powell["equivalents"] < replayed["equivalents"]
    assert gradient["method"] == "gradient, ours"
    (found,) = surface["rows"]
    assert found["points"] == 64
    assert found["evaluations"] > 64
    assert found["equivalents"] < found["evaluations"]
    text = page.read_text(encoding="utf-8")
    assert "Joint optimisation of learnable" in text
    assert "Surface of learnable, 8 x 8" in text
    assert "the reference's passes" in capsys.readouterr().out
